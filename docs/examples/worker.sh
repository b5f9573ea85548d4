#!/bin/sh
# A worker of storescp for the shell: reads events, one line of JSON each, and answers what became of them.
#
#     [[destination]]
#     name = "copy"
#     kind = "worker"
#     command = ["/bin/sh", "/opt/worker.sh", "/var/lib/copy"]
#
# It copies each object into a folder, under its SOP Instance UID: to do that again changes nothing. Where there is
# jq(1), it reads JSON better than sed(1) does here, which is enough for names and numbers without quotes in them.
folder=$1

field() {
    printf '%s' "$event" | sed -n "s/.*\"$1\":\"\\([^\"\\\\]*\\)\".*/\\1/p"
}

# Standard output is for answers alone: whatever a command prints goes to the log.
exec 3>&1 >&2

while IFS= read -r event; do
    id=$(field id)
    path=$(field path)
    uid=$(field sopInstanceUid)
    case $uid in
        '' | *[!0-9.]*)
            echo "{\"park\":\"$id\",\"reason\":\"no SOP Instance UID\"}" >&3
            continue
            ;;
    esac
    if cp -- "$path" "$folder/.$uid.part" && mv -- "$folder/.$uid.part" "$folder/$uid.dcm"; then
        echo "{\"ack\":\"$id\"}" >&3
    else
        echo "{\"retry\":\"$id\",\"after\":10,\"reason\":\"it cannot be copied\"}" >&3
    fi
done
