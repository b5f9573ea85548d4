#compdef storescp
# MADE

_storescp() {
    local -a kinds options
    local -i index
    for ((index = 2; index < CURRENT; index++)); do
        if (( $#kinds )); then
            shift kinds
            continue
        fi
        case $words[index] in
            # CASES
        esac
    done
    case ${kinds[1]-option} in
        file) _files; return ;;
        directory) _files -/; return ;;
        level) compadd fatal error warn info debug trace; return ;;
        durability) compadd full ordered none; return ;;
        cipher) compadd ${${(f)"$(storescp --list-ciphers 2>/dev/null | sed -n 's/^  //p')"}}; return ;;
        anything) _message value; return ;;
    esac
    options=(
        # OPTIONS
    )
    _describe -o option options
}

_storescp "$@"
