# bash completion for storescp
# Made from the option table in crates/storescp/src/cli; `BLESS=1 cargo test -p storescp --test cli` writes it anew.

_storescp() {
    local -a kinds=()
    local index word=${COMP_WORDS[COMP_CWORD]}
    # `--name=value` comes as three words.
    [ "$word" = "=" ] && word=
    for ((index = 1; index < COMP_CWORD; index++)); do
        if [ ${#kinds[@]} -gt 0 ]; then
            [ "${COMP_WORDS[index]}" = "=" ] && continue
            kinds=("${kinds[@]:1}")
            continue
        fi
        case ${COMP_WORDS[index]} in
            --settings) kinds=(file) ;;
            -ll|--log-level) kinds=(level) ;;
            -lc|--log-config) kinds=(file) ;;
            --log-format) kinds=(format) ;;
            --audit) kinds=(anything) ;;
            --traces) kinds=(anything) ;;
            --max-associations) kinds=(anything) ;;
            --max-associations-per-host) kinds=(anything) ;;
            --grace-period) kinds=(anything) ;;
            -xf|--config-file) kinds=(file anything) ;;
            -ts|--socket-timeout) kinds=(anything) ;;
            -ta|--acse-timeout) kinds=(anything) ;;
            -td|--dimse-timeout) kinds=(anything) ;;
            -aet|--aetitle) kinds=(anything) ;;
            -pdu|--max-pdu) kinds=(anything) ;;
            --sleep-after) kinds=(anything) ;;
            --sleep-during) kinds=(anything) ;;
            --http) kinds=(anything) ;;
            --fault) kinds=(anything) ;;
            --fault-file) kinds=(file) ;;
            --fault-seed) kinds=(anything) ;;
            +tls|--enable-tls) kinds=(file file) ;;
            +pw|--use-passwd) kinds=(anything) ;;
            +cf|--add-cert-file) kinds=(file) ;;
            +cd|--add-cert-dir) kinds=(directory) ;;
            +crl|--add-crl-file) kinds=(file) ;;
            +cs|--cipher) kinds=(cipher) ;;
            +dp|--dhparam) kinds=(file) ;;
            --expect-sni) kinds=(anything) ;;
            +rs|--seed) kinds=(file) ;;
            +wf|--write-seed-file) kinds=(file) ;;
            -od|--output-directory) kinds=(directory) ;;
            --durability) kinds=(durability) ;;
            --min-free) kinds=(anything) ;;
            --catalog) kinds=(anything) ;;
            +p|--padding-create) kinds=(anything anything) ;;
            +cl|--compression-level) kinds=(anything) ;;
            -ss|--sort-conc-studies) kinds=(anything) ;;
            -su|--sort-on-study-uid) kinds=(anything) ;;
            -fe|--filename-extension) kinds=(anything) ;;
            -xcr|--exec-on-reception) kinds=(anything) ;;
            -xcs|--exec-on-eostudy) kinds=(anything) ;;
            -tos|--eostudy-timeout) kinds=(anything) ;;
            --exec-max) kinds=(anything) ;;
            --exec-journal) kinds=(journal) ;;
        esac
    done
    local IFS=$' \t\n'
    case ${kinds[0]-option} in
        file) compopt -o filenames; IFS=$'\n'; COMPREPLY=($(compgen -f -- "$word")) ;;
        directory) compopt -o filenames; IFS=$'\n'; COMPREPLY=($(compgen -d -- "$word")) ;;
        level) COMPREPLY=($(compgen -W 'fatal error warn info debug trace' -- "$word")) ;;
        durability) COMPREPLY=($(compgen -W 'full ordered none' -- "$word")) ;;
        cipher)
            COMPREPLY=($(compgen -W "$(storescp --list-ciphers 2>/dev/null | sed -n 's/^  //p')" -- "$word"))
            ;;
        anything) COMPREPLY=() ;;
        option) COMPREPLY=($(compgen -W '
            -h --help --version --settings --arguments -q
            --quiet -v --verbose -d --debug -ll
            --log-level -lc --log-config --log-format +v --verbose-pc
            --audit --traces --single-process --fork --max-associations --max-associations-per-host
            --grace-period -i4 --ipv4 -i6 --ipv6 -i0
            --ip-auto -xf --config-file +x= --prefer-uncompr +xe
            --prefer-little +xb --prefer-big +xs --prefer-lossless +xy
            --prefer-jpeg8 +xx --prefer-jpeg12 +xv --prefer-j2k-lossless +xw
            --prefer-j2k-lossy +xt --prefer-jls-lossless +xu --prefer-jls-lossy +xm
            --prefer-mpeg2 +xh --prefer-mpeg2-high +xn --prefer-mpeg4 +xl
            --prefer-mpeg4-bd +x2 --prefer-mpeg4-2-2d +x3 --prefer-mpeg4-2-3d +xo
            --prefer-mpeg4-2-st +x4 --prefer-hevc +x5 --prefer-hevc10 +xr
            --prefer-rle +xd --prefer-deflated +xi --implicit +xa
            --accept-all -ac --access-full +ac --access-control -id
            --inetd -ts --socket-timeout -ta --acse-timeout -td
            --dimse-timeout -aet --aetitle -pdu --max-pdu -dhl
            --disable-host-lookup --refuse --reject --ignore --sleep-after --sleep-during
            --abort-after --abort-during -pm --promiscuous -up --uid-padding
            --http --fault --fault-file --fault-seed -tls --disable-tls
            +tls --enable-tls +ps --std-passwd +pw --use-passwd
            -pw --null-passwd -pem --pem-keys -der --der-keys
            +cf --add-cert-file +cd --add-cert-dir +crl --add-crl-file
            +crv --enable-crl-vfy +cra --enable-crl-all +ph --list-profiles
            +pg --profile-8996 +pm --profile-8996-mod +py --profile-bcp195-nd
            +px --profile-bcp195 +pz --profile-bcp195-ex +pb --profile-basic
            +pa --profile-aes +pn --profile-null +cc --list-ciphers
            +cs --cipher +dp --dhparam --no-sni --expect-sni
            +rs --seed +ws --write-seed +wf --write-seed-file
            -rc --require-peer-cert -vc --verify-peer-cert -ic --ignore-peer-cert
            -od --output-directory --durability --min-free --catalog -B
            --normal +B --bit-preserving +F --write-file -F
            --write-dataset +t= --write-xfer-same +te --write-xfer-little +tb
            --write-xfer-big +ti --write-xfer-implicit +td --write-xfer-deflated +u
            --enable-new-vr -u --disable-new-vr +g= --group-length-recalc +g
            --group-length-create -g --group-length-remove +e --length-explicit -e
            --length-undefined -p --padding-off +p --padding-create -uc
            --retain-un +uc --convert-un +cl --compression-level -ss
            --sort-conc-studies -su --sort-on-study-uid -sp --sort-on-patientname -uf
            --default-filenames +uf --unique-filenames -tn --timenames -fe
            --filename-extension -xcr --exec-on-reception -xcs --exec-on-eostudy -rns
            --rename-on-eostudy -tos --eostudy-timeout -xs --exec-sync --exec-max
            --exec-journal
            ' -- "$word")) ;;
    esac
}

complete -F _storescp storescp
