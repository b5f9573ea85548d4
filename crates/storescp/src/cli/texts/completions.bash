# bash completion for storescp
# MADE

_storescp() {
    local -a kinds=()
    local index word=${COMP_WORDS[COMP_CWORD]}
    for ((index = 1; index < COMP_CWORD; index++)); do
        if [ ${#kinds[@]} -gt 0 ]; then
            kinds=("${kinds[@]:1}")
            continue
        fi
        case ${COMP_WORDS[index]} in
            # CASES
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
            # OPTIONS
            ' -- "$word")) ;;
    esac
}

complete -F _storescp storescp
