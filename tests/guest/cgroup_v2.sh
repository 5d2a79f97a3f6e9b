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
