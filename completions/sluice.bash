# Completion of sluice for bash: `sluice complete` prints what fits, from the tables of the program.
_sluice() {
    local cur=${COMP_WORDS[COMP_CWORD]} line word directive=""
    COMPREPLY=()
    # readline cuts words at "=" and ":"; options are completed by their names and separate values
    while IFS= read -r line; do
        if [[ $line == :* ]]; then
            directive=$line
        else
            word=${line%%$'\t'*}
            COMPREPLY+=("$(printf '%q' "$word")")
        fi
    done < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    case $directive in
    :jobs)
        compopt -o filenames 2>/dev/null
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -X '!*.lua' -- "$cur"; compgen -d -- "$cur")
        ;;
    :files)
        compopt -o filenames 2>/dev/null
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
        ;;
    :directories)
        compopt -o filenames 2>/dev/null
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$cur")
        ;;
    esac
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _sluice sluice
