# Adds up CTest's logs (Testing/Temporary/LastTest.log): each test of a Criterion program counts,
# any other CTest test counts as one. Prints failures and skips, then one line of totals.
# Exit status 1 when something failed or nothing ran.

/^[0-9]+\/[0-9]+ Test: / {
    name = $3
    has_totals = in_failures = in_output = 0
    next
}
/^Output:$/ { in_output = 1 }
/^<end of output>$/ { in_output = 0 }
in_output && /^\[SKIP\]/ {
    skipped++
    reason = $0
    sub(/^\[SKIP\] /, "", reason)
    skips[++n_skips] = name ": " reason
}
in_output && /^\[FAIL\]/ { failures[++n_failures] = name ": " substr($0, 8) }
in_output && /^\[====\] Synthesis: Tested: / {
    # Crashing tests are among the failing ones.
    for (i = 1; i < NF; i++) {
        if ($i == "Passing:") passed += $(i + 1)
        if ($i == "Failing:") in_failures += $(i + 1)
    }
    failed += in_failures
    has_totals = 1
}
!in_output && /^Test (Passed|Failed|Timeout|Skipped)/ || /^Test .*(Exception|Not Run)/ {
    if (in_output) next
    n_programs++
    if (/^Test Skipped/) {
        skipped++
        skips[++n_skips] = name
    } else if (/^Test Passed/) {
        if (!has_totals) passed++
    } else if (in_failures == 0) {
        failed++
        failures[++n_failures] = name ": " $0
    }
}
END {
    for (i = 1; i <= n_skips; i++) print "skipped: " skips[i]
    for (i = 1; i <= n_failures; i++) print "FAILED: " failures[i]
    if (n_programs == 0) print "no test ran"
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit failed > 0 || n_programs == 0
}
