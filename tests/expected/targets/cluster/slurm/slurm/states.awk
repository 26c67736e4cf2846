# What became of the nodes of a run, from nodes.tsv (starts and ends in an order in which each comes behind what it
# depends on) and the states that leaves have left in the folder `states`.
#   ask=N   prints what becomes of node N now: run, skipped or omitted
#   fine=N  exit code 0 when node N was fine
#   all=1   prints the state of every node; exit code 0 when the root was fine
# Rows: start node parent when follows stops skip strict...    end node parent leaf suppress path
BEGIN { FS = "\t"; prospect[""] = "run"; rank["omitted"] = 1; rank["failed"] = 2; rank["error"] = 3; rank["interrupted"] = 4 }
$1 == "start" {
    node = $2; parent = $3; unmet = 0
    for (i = 8; i <= NF; i++) if (!is_fine[$i]) unmet = 1
    behind = $5 == "1" && spoiled[parent]
    if (prospect[parent] != "run") becomes = prospect[parent]
    else if ($7 == "1") becomes = "skipped"
    else if ($4 == "on_failure") becomes = unmet || behind ? "run" : "skipped"
    else if ($4 == "always") becomes = "run"
    else becomes = unmet || (behind && $6 == "1") ? "omitted" : "run"
    prospect[node] = becomes
    if (ask != "" && ask == node) { print becomes; ended = 1; exit }
}
$1 == "end" {
    node = $2; parent = $3; state = prospect[node]
    if (state == "run" && $4 == "1") {
        state = ""
        getline state < (states "/" node)
        close(states "/" node)
        if (state == "" || state == "running") state = "error"
    } else if (state == "run") state = worst[node] == "" ? "succeeded" : worst[node]
    is_fine[node] = state == "succeeded" || state == "skipped" || (state == "failed" && $5 == "1")
    if (!is_fine[node]) {
        spoiled[parent] = 1
        if (rank[state] > rank[worst[parent]]) worst[parent] = state
    }
    result[node] = state; path[node] = $6; if (node + 1 > count) count = node + 1
    if (fine != "" && fine == node) { ended = 1; exit !is_fine[node] }
}
END {
    if (all != "") {
        for (i = 0; i < count; i++) printf "%-11s  %s\n", result[i], path[i]
        exit !is_fine[0]
    }
}
