#!/bin/busybox sh
# Runs in the guest, once: what differs on cgroup v2 and on another kernel. Prints "ok ..." and "FAIL ..." lines.
export DOCKER_HOST=unix:///run/l.sock
start() {
  lighterd --data-root /mnt/lighter --exec-root /run/lighter -H $DOCKER_HOST --registry-mirror http://127.0.0.1:5000 >> /run/lighterd.log 2>&1 &
  daemon=$!
  tries=0
  until lighter version > /run/out 2>&1; do
    tries=$((tries + 1))
    [ $tries -gt 200 ] && { echo "FAIL the engine does not start: $(cat /run/out)"; exit 1; }
    sleep 0.1
  done
}
is() {  # WHAT WANTED GOT
  if [ "$2" = "$3" ]; then echo "ok $1"; else echo "FAIL $1: wanted $2, got $3"; fi
}
docker-registry serve /registry/guest.yml > /run/registry.log 2>&1 &
start
lighter pull busybox > /run/out 2>&1 || { echo "FAIL pull: $(cat /run/out)"; exit 1; }
G=/sys/fs/cgroup
run() { lighter run --rm "$@" 2>&1 | tr '\n' ' '; }

is 'info names the version' '2 cgroupfs' "$(lighter info --format '{{.CgroupVersion}} {{.CgroupDriver}}')"
is 'memory and swap' '67108864 67108864 ' "$(run -m 64m busybox cat $G/memory.max $G/memory.swap.max)"
is 'cpu quota and shares' '50000 100000 20 ' "$(run --cpus 0.5 -c 512 busybox cat $G/cpu.max $G/cpu.weight)"
is 'pids' '50 ' "$(run --pids-limit 50 busybox cat $G/pids.max)"
is 'cpuset' '0 ' "$(run --cpuset-cpus 0 busybox cat $G/cpuset.cpus)"
is 'the cgroup namespace is private' '0::/ ' "$(run busybox cat /proc/self/cgroup)"
is 'cgroups are read-only inside' '1 ' "$(run busybox sh -c "mkdir $G/x 2>/dev/null; echo \$?")"
is 'an unlisted device is refused' '1 ' "$(run --cap-add MKNOD busybox sh -c 'mknod /d b 254 0; head -c1 /d >/dev/null 2>&1; echo $?')"
is 'a listed device is open' '0 ' "$(run --device /dev/vda:/d:r busybox sh -c 'head -c1 /d >/dev/null; echo $?')"
is 'a listed device is not writable' '1 ' "$(run --device /dev/vda:/d:r busybox sh -c 'echo x 2>/dev/null >/d; echo $?')"
lighter run --rm --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done' > /run/out 2>&1
is 'pids are limited' "can't fork" "$(grep -o "can't fork" /run/out)"
is 'the cpu is limited' 'throttled ' "$(run --cpus 0.1 busybox sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done;
  [ $(sed -n "s/^nr_throttled //p" '$G'/cpu.stat) -gt 0 ] && echo throttled')"
is 'processors are what was asked' '1 ' "$(run --cpuset-cpus 1 busybox sed -n 's/^Cpus_allowed_list:[^0-9]*//p' /proc/self/status)"
is 'memory reservation and swap' '16777216 0 ' "$(run -m 64m --memory-swap 64m --memory-reservation 16m busybox cat $G/memory.low $G/memory.swap.max)"
is 'a processor that is not there is refused' 'Requested CPUs are not available - requested 7, available: 0-1' \
  "$(lighter run --rm --cpuset-cpus 7 busybox true 2>&1 | sed 's/.*daemon: //;s/\.$//;q')"
lighter run -d --name child -m 16m --memory-swap 16m busybox sh -c 'tail /dev/zero; while [ ! -e /go ]; do sleep 0.1; done' > /dev/null
tries=0; until [ "$(lighter inspect --format '{{.State.OOMKilled}}' child)" = true ] || [ $tries -gt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
is 'an OOM kill of a child is told while it runs' 'true running' "$(lighter inspect --format '{{.State.OOMKilled}} {{.State.Status}}' child)"
lighter rm -f child > /dev/null
lighter run --name oom -m 8m --memory-swap 8m busybox sh -c 'a=x; while true; do a=$a$a; done' > /dev/null 2>&1
is 'an OOM kill is told' 'true 137' "$(lighter inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' oom)"
lighter rm oom > /dev/null
is 'the bridge answers' '0 ' "$(run busybox sh -c 'ping -c1 -W5 $(ip route | sed -n "s/default via \([^ ]*\).*/\1/p") >/dev/null; echo $?')"
is 'mount is refused by the filter' '1 ' "$(run busybox sh -c 'mount -t tmpfs x /mnt 2>/dev/null; echo $?')"
lighter run -d --name stays busybox sh -c 'while [ ! -e /go ]; do sleep 0.1; done; exit 9' > /dev/null
kill -9 $daemon; wait $daemon 2>/dev/null
start
is 'a container outlives the daemon' 'running' "$(lighter inspect --format '{{.State.Status}}' stays)"
lighter stop -t 0 stays > /dev/null
is 'and can be stopped after' 'exited 137' "$(lighter inspect --format '{{.State.Status}} {{.State.ExitCode}}' stays)"
lighter rm stays > /dev/null
kill $daemon; wait $daemon
is 'no cgroup is left' '' "$(ls -d $G/lighter 2>/dev/null)"
exit 0
