#!/bin/sh
# Every file in configs/ loads, and wrong configs are refused with their place.
. "$ROOT/tests/program/lib.sh"
cd "$ROOT" || exit 1

# An experiment is a list of configs: each of its runs is resolved and checked. Of the papers'
# tables only the smallest models are built too; the others differ in the kind of backbone alone.
find configs -name '*.json' | sort >"$work/configs"
: >"$work/experiments"
while read -r config; do
    case $config in
    configs/experiments/*)
        run experiment "$config" --list
        code 0
        out ' runs'
        cat "$config" >>"$work/experiments" ;;
    configs/table[258]/*) ;;
    *)
        run info "$config"
        code 0
        out 'parameters' ;;
    esac
done <"$work/configs"
for table in table2 table5 table8; do
    n=0
    for config in configs/"$table"/*.json; do
        n=$((n + 1))
        last="configs in $config"
        grep -Fq "../$table/$(basename "$config")" "$work/experiments"
        check $? "$config belongs to no experiment"
        case $config in configs/table[25]/resnet18*)
            run info "$config"
            code 0
            out 'parameters' ;;
        esac
    done
    [ "$n" -gt 1 ]
    check $? "configs/$table is empty"
done

# The published models have torchvision's number of parameters (without classes: 81 channels).
cat >"$work/typo.json" <<'END'
{"backbone": {"typ": "resnet18"}}
END
run info "$work/typo.json"
refused 2 'typo\.json' 'backbone\.typ' 'type'

echo '{"train": {"lr": -1}}' >"$work/range.json"
run info "$work/range.json"
refused 2 'train\.lr' '-1'

echo '{"train": {"lr": "fast"}}' >"$work/kind.json"
run info "$work/kind.json"
refused 2 'train\.lr'

printf '{"train": {"lr": 0.1,}\n' >"$work/cut.json"
run info "$work/cut.json"
refused 4 'cut\.json'

echo '{"base": "b.json"}' >"$work/a.json"
echo '{"base": "a.json"}' >"$work/b.json"
run info "$work/a.json"
refused 2 'a\.json'

echo '{"base": "nowhere.json"}' >"$work/orphan.json"
run info "$work/orphan.json"
refused 3 'nowhere\.json'

echo '{"backbone": {"pool": {"stem": {"type": "sotf"}}}}' >"$work/pool.json"
run info "$work/pool.json"
refused 2 'sotf' 'soft'

echo '{"backbone": {"pool": {"stem": {"type": "soft", "kernle": 2}}}}' >"$work/poolkey.json"
run info "$work/poolkey.json"
refused 2 'kernle' 'kernel'

run train configs/demo.json --output "$work/run" train.itertions=3
refused 2 'itertions' 'train\.iterations'
run train configs/demo.json --output "$work/run" train.iterations=0
refused 2 'train\.iterations'
absent "$work/run/last.safetensors"
run info configs/no_such.json
refused 3 'no_such\.json'
finish
