# Completion of sluice for fish: `sluice complete` prints what fits, from the tables of the program.
function __sluice_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l last $words[-1]
    for line in (command $words[1] complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case ':jobs'
                __fish_complete_suffix $last .lua
            case ':files'
                __fish_complete_path $last
            case ':directories'
                __fish_complete_directories $last ''
            case '*'
                echo $line
        end
    end
end
complete -c sluice -f -a '(__sluice_complete)'
