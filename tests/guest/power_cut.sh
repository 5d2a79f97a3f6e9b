#!/bin/busybox sh
# Runs in the guest (tools/guest), at each boot: first checks that everything acknowledged before the last power cut is there, then
# goes on changing things until the next. Acknowledgements lie on a disk of their own, so that making them durable does
# not make the engine's data durable with them. Prints FAIL... for what is wrong, ACK for each acknowledgement.
ACKS=/acks/acks
export DOCKER_HOST=unix:///run/l.sock
touch $ACKS

fail() { echo "FAIL $*"; tail -5 /run/lighterd.log; }
ack() {
  echo "$*" >> $ACKS
  dd if=/dev/null of=$ACKS conv=notrunc,fsync 2>/dev/null || fail "acknowledgements cannot be written"
  echo "ACK $*"
}
quiet() { "$@" > /run/out 2>&1; }

docker-registry serve /registry/guest.yml > /run/registry.log 2>&1 &
lighterd --data-root /mnt/lighter --exec-root /run/lighter -H $DOCKER_HOST --registry-mirror http://127.0.0.1:5000 > /run/lighterd.log 2>&1 &
tries=0
until quiet lighter version; do
  tries=$((tries + 1))
  [ $tries -gt 200 ] && { fail "the engine does not start: $(cat /run/out)"; exit 1; }
  sleep 0.1
done

state() { lighter inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$1" 2>/dev/null; }

runs() {
  for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    case "$(state "$1")" in running*) return 0 ;; esac
    sleep 0.5
  done
  return 1
}

# The last word about each thing counts; a word ending in -ing is an intention: both outcomes are right.
check() {
  awk '{ last[$2] = $0 } END { for (n in last) print last[n] }' $ACKS > /run/last
  while read what name code; do
    case $what in
      pulled) quiet lighter image inspect "$name" || fail "image $name is gone"
              quiet lighter run --rm "$name" true || fail "image $name does not run: $(cat /run/out)" ;;
      unpulled) quiet lighter image inspect "$name" && fail "image $name is back" ;;
      created) [ "$(state "$name")" = "created 0" ] || fail "$name was created: $(state "$name")" ;;
      ended) [ "$(state "$name")" = "exited $code" ] || fail "$name ended with $code: $(state "$name")" ;;
      removed) [ -n "$(state "$name")" ] && fail "$name was removed: $(state "$name")" ;;
      always) runs "$name" || fail "$name is to run always: $(state "$name")" ;;
      plain) [ "$(state "$name")" = "exited 255" ] || fail "$name ran when the power went: $(state "$name")"
             quiet lighter start "$name" || fail "$name does not start again: $(cat /run/out)" ;;
    esac
  done < /run/last
  # Whatever a cut left half done can be removed.
  for id in $(lighter ps -aq --no-trunc); do
    name=$(lighter inspect --format '{{.Name}}' $id)
    grep -q " ${name#/}\$\| ${name#/} " /run/last && continue
    quiet lighter rm -f $id || fail "$name cannot be removed: $(cat /run/out)"
  done
}
# Before anything is put right: nothing is there by half, every layer is what its tar says.
quiet lighter system check -q || fail "system check: $(head -n 5 /run/out)"
check
echo "CHECKED $(wc -l < $ACKS) acknowledgements"

grep -q "^pulled busybox" $ACKS || { quiet lighter pull busybox && ack pulled busybox; }
keep() {  # NAME POLICY: acknowledged once, for all lives
  grep -q " $1" $ACKS || { quiet lighter run -d --name $1 --restart $2 busybox sleep 100000 && ack always $1; }
}
keep forever always
keep unless unless-stopped
keep failing on-failure  # the power cut is a failure
grep -q " halted" $ACKS || {
  quiet lighter run -d --name halted --restart unless-stopped busybox sleep 100000 &&
    quiet lighter stop -t 0 halted && ack ended halted 137; }
grep -q " plain" $ACKS || { quiet lighter run -d --name plain busybox sleep 100000 && ack plain plain; }
round=$(( $(wc -l < $ACKS) * 100 ))
while true; do
  round=$((round + 1)); c=c$round
  quiet lighter pull layered && ack pulled layered
  quiet lighter create --name $c busybox sh -c "echo $c; exit 7" && ack created $c
  ack starting $c
  quiet lighter start -a $c; [ "$(state $c)" = "exited 7" ] && ack ended $c 7
  if [ $((round % 3)) = 0 ]; then
    ack removing $c
    quiet lighter rm $c && ack removed $c
  fi
  ack unpulling layered
  quiet lighter rmi layered && ack unpulled layered
done
