#!/bin/sh
# Runs all tests on what install.sh and asterisk.sh have made: real calls, which keep time, and meanwhile all others on
# what those leave of the processors. Status 1 when anything failed.
set -u
cd "$(dirname "$0")/../.."
. config/setup/console.sh

mkdir -p var
log=var/tests-without-calls.log
gives_way="nice -n 19"
if chrt --idle 0 true 2>/dev/null; then gives_way="chrt --idle 0"; fi  # not where a container forbids it
say "real calls on a real Asterisk; meanwhile all other tests, in $log"
# Ctrl-C, which a shell lets programs beside it ignore, ends them too with what they have started. Not in a session of
# its own: where the kernel shares processors out by session, they would not give way.
env --default-signal=INT $gives_way pytest -q -n 2 tests/unit tests/architecture tests/integration >"$log" 2>&1 &
others=$!
trap 'kill -INT $others 2>/dev/null; wait $others; exit 1' INT TERM
pytest -q -n 2 --no-loadscope-reorder tests/acceptance
calls=$?
say "all other tests"
tail -n +1 -f --pid=$others "$log"
wait $others
rest=$?
if [ $calls -ne 0 ]; then say "real calls have failed, see above"; fi
[ $calls -eq 0 ] && [ $rest -eq 0 ]
