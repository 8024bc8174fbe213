# Form of our own source files. Usage: awk -f style.awk FILE..., paths relative to the root.
FNR == 1 && NR > 1 { finish() }
FNR == 1 { name = FILENAME }
{ lines = FNR }
/\t/ { complain("tab") }
/[ \t\r]$/ { complain("space at the end of the line") }
length($0) > 100 {
    # Rows of tables and of a test's cases may be longer. In bytes; of a character only the first
    # one counts.
    limit = FILENAME ~ /\.def$/ ? 200 : FILENAME ~ /^tests\// ? 160 : 100
    text = $0
    gsub(/[\200-\277]/, "", text)
    if (length(text) > limit) complain("over " limit " columns")
}
# A flag for one file is a decision; for all of them it breaks infinities, NaN and rounding.
FILENAME ~ /(CMakeLists\.txt|\.cmake|\.json)$/ && /-ffast-math|-Ofast/ &&
    !/set_source_files_properties|COMPILE_OPTIONS/ { complain("fast-math for the program") }
FILENAME ~ /(CMakeLists\.txt|\.cmake|\.json)$/ && /-march=native/ {
    complain("-march=native makes programs that other machines cannot run")
}
function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    bad = 1
}
function finish() {
    if (lines > 500) {
        printf "%s: %d lines, 500 at most\n", name, lines
        bad = 1
    }
}
END {
    finish()
    exit bad
}
