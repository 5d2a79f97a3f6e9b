#!/usr/bin/env python3
"""Runs the same commands with `docker` and `lighter` against one engine and compares standard output,
standard error and exit code, apart from ids, times and what each says about itself.

    DOCKER_HOST=unix:///... tests/clients/compare_cli.py --lighter build/src/cli/lighter
The engine must have (or be able to pull) busybox. Ends with 1 when something differs.
"""
import argparse
import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile

# {n}: a container of this side's own; {t}: a folder with files. Every line runs in order, on both sides.
COMMANDS = r"""
create --name {n} -e A=1 -l k=v -m 64m --cpus 0.5 -w /tmp busybox sleep 300
start {n}
ps -a --filter name={n}
ps -aq --filter name={n}
ps --filter name={n} --format {{.Names}}|{{.Image}}|{{.State}}|{{.Label "k"}}|{{.Command}}
ps --filter name={n} --format 'table {{.Names}}\t{{.Image}}\t{{upper .State}}'
ps --filter name={n} --format json
ps --filter name={n} --format {{.Nope}}
ps --filter name={n} --format {{.ID
ps --filter nonsense
ps --filter nope=1
inspect {n} --format {{.Config.Env}}{{.HostConfig.Memory}}-{{.HostConfig.NanoCpus}}-{{.Config.WorkingDir}}
inspect {n} -f {{json.Config.Labels}}
inspect {n} -f {{json\ .Config.Labels}}
inspect {n} -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}'
inspect {n} -f '{{if .State.Health}}h{{else}}none{{end}}'
inspect {n} -f {{.Nope}}
inspect {n}
inspect nope-{n}
inspect -f {{.Id}} nope-{n}
container inspect nope-{n}
image inspect nope-{n}
top {n} -o pid,comm
rename {n} {n}x
rename {n}x {n}
kill -s nope {n}
stop -t 0 {n}
stop {n}
start nope-{n}
start {n}
restart -t 0 {n}
kill {n}
kill {n}
wait {n}
logs {n}
attach {n}
top {n}
rm {n}
rm {n}
rm -f {n}
stop {n}
logs {n}
wait {n}
rename {n}
run --rm busybox echo one two
run --rm busybox sh -c 'echo out; echo err >&2; exit 4'
run --rm -e X=y -e HOME_NOT_SET busybox env -u HOSTNAME
run --rm --entrypoint echo busybox -n --flag
run --rm busybox /nope
run --rm busybox /etc/passwd
run --rm -w /made busybox pwd
run --rm -v /etc/hostname:/h:ro busybox cat /h
run --rm --mount type=bind,src=/etc/hostname,dst=/h,ro busybox cat /h
run --rm --tmpfs /t:size=1m busybox df /t
run --rm -u 1000 busybox id
run --rm --ulimit nofile=10:20 busybox sh -c 'ulimit -n'
run --rm -h name --dns 1.2.3.4 busybox sh -c 'hostname; cat /etc/resolv.conf'
run --rm --read-only busybox touch /x
run --rm --network none busybox ip -o link
run --rm --pull never nope/nope-{n}
run --rm --pull sometimes busybox
run --rm -a nope busybox
run -d -a stdout busybox
run --rm --restart always busybox
run --rm --restart maybe busybox
run --rm -p 99999:80 busybox
run --rm -v a:b:c:d busybox
run --rm --memory foo busybox
run --rm --cpus x busybox
run --rm=maybe busybox
run --nope busybox
run --name
run -v
run -zx
run
run -it --rm busybox
create nope/nope-{n} --pull
start
ps extra
ps -n x
tag a
tag nope-{n} x-{n}
tag busybox t-{n}
images t-{n} --format {{.Repository}}:{{.Tag}}
images busybox
images -q busybox
images --no-trunc busybox --format {{.ID}}
images --digests busybox
images --format json busybox
image ls busybox
rmi t-{n}
rmi nope-{n}
rmi
pull busybox
pull -q busybox
pull busybox:nope
events --since 0 --until 1
frob
container frob
--frob ps
-z
info --format {{.ServerVersion}}
version --format {{.Server.Version}}
create --name {n} -l k=v -l a.b=c --restart on-failure:3 -v /etc/hostname:/h -v /tmp:/a-folder-with-a-long-name:ro busybox sh -c 'echo one; echo two >&2; echo three; sleep 300'
ps -a -s --filter name={n} --format {{.Names}}/{{.Size}}
ps -a --filter name={n}
start {n}
ps --no-trunc --filter name={n} --format '{{.Command}} {{.Mounts}} {{.LocalVolumes}} {{.Networks}} {{.Ports}}'
ps --filter name={n} --format '{{.Mounts}}|{{.Labels}}|{{.Label "a.b"}}|{{.Label "none"}}|{{.RunningFor}}|{{.Size}}'
ps --filter name={n} --format 'table {{.ID}}\t{{.Label "a.b"}}\t{{.CreatedAt}}'
ps --filter name={n} --format 'table {{.Names}}'
ps --filter name={n} --format table
ps --filter name={n} --format 'table {{.Nope}}'
ps --filter name={n} --format raw
ps --filter name={n} --format '{{json .Names}} {{json .}}'
ps --filter name={n} --format '{{printf "%-30s|%5s|%v" .Names .Image .State}}'
ps --filter name={n} --format '{{if eq .State "running"}}yes{{else}}no{{end}} {{len .Names}} {{slice .Image 0 4}} {{index .Names}}'
ps --filter name={n} --format '{{.Names | upper | lower | title}} {{join (split .Image "u") "-"}} {{pad .State 2 3}} {{truncate .Image 4}}'
ps --filter name={n} --format '{{println .Names}}x'
ps --filter name={n} --format '{{/* comment */}}a{{- " b " -}} c'
ps --filter name={n} --format '{{with .Names}}{{.}}{{end}} {{$x := .State}}{{$x}}'
ps --filter name={n} --format '{{template "x"}}'
ps --filter name={n} --format '{{nofunc .Names}}'
ps --filter name={n} --format '{{.Names.Nope}}'
ps --filter name={n} --format '{{end}}'
ps --filter name={n} --format '{{if}}{{end}}'
ps --filter name={n} --format '{{"unterminated}}'
ps --filter name={n} -q --no-trunc
ps --filter name={n} -q --format json
ps --filter name={n} --filter label=k=v --filter status=running -q
ps --filter name={n} --filter label=k=x
ps --filter status=nope
ps --filter health=nope
ps --filter exited=nope
ps --filter before=nope-{n}
ps --filter since=nope-{n}
ps --filter ancestor=nope-{n}
ps --filter name={n} --filter ancestor=busybox --format {{.Names}}
ps --filter name={n} --filter network=bridge --format {{.Names}}
ps --filter name={n} --filter volume=/h --format {{.Names}}
ps --filter publish=80-70
ps --filter is-task=maybe
ps -l --format {{.Names}}
ps -n 1 --format {{.Names}}
ps -n 0 --format {{.Names}}
ps -n -1 --filter name={n} --format {{.Names}}
ps -n 1 -l --format {{.Names}}
ps -qa --last=1 --latest --filter name={n}
ps --all=false --filter name={n} -q
ps --all=maybe
ps -aq=x
container ls --filter name={n} --format {{.Names}}
container list --filter name={n} --format {{.Names}}
container ps --filter name={n} --format {{.Names}}
logs --tail 2 {n}
logs -n 0 {n}
logs --tail=-1 {n}
logs --tail nope {n}
logs --details {n}
logs --since 1h {n}
logs --since 2001-01-01 {n}
logs --since 2001-01-01T00:00:00Z --until 2001-01-02T00:00:00 {n}
logs --since nope {n}
logs --until nope {n}
logs --until 1h {n}
logs -t {n}
logs {n} {n}
logs nope-{n}
logs --nope {n}
top {n}
top {n} -o pid,comm
top {n} -o nope
top {n} aux
top {n} -eo pid=x
top nope-{n}
inspect -s {n} --format '{{if .SizeRw}}y{{else}}n{{end}} {{.SizeRootFs}}'
inspect {n} --format '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}} {{.RestartCount}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}'
inspect {n} --format '{{range .Mounts}}{{.Type}}:{{.Source}}:{{.Destination}}:{{.RW}} {{end}}'
inspect {n} --format '{{index .Config.Labels "a.b"}} {{len .Config.Env}} {{.Config.Cmd}} {{.Path}} {{.Args}}'
inspect {n} --format '{{join .Config.Cmd ","}} {{json .HostConfig.Binds}} {{.HostConfig.LogConfig}} {{.HostConfig.LogConfig.Type}}'
inspect {n} --format '{{.HostConfig}}'
inspect {n} --format '{{.Config}}'
inspect {n} --format '{{.State}}'
inspect {n} --format '{{.NetworkSettings.Networks}}'
inspect {n} --format '{{.State.Nope}}'
inspect {n} --format '{{json .State.Nope}}'
inspect {n} --format '{{.Mounts}}'
inspect {n} --format json
inspect {n} --format '{{json .}}'
inspect {n} --type image
inspect {n} --type container --format {{.Name}}
inspect {n} --type nope
inspect {n} --type network
inspect {n} busybox --format {{.Id}}
inspect {n} nope-{n} --format {{.Name}}
inspect --type volume nope-{n}
inspect busybox --format '{{.RepoTags}} {{.Architecture}} {{.Os}} {{.Config.Cmd}}'
inspect busybox
image inspect busybox --format '{{json .RepoTags}} {{.RootFS.Type}} {{len .RootFS.Layers}}'
image inspect nope-{n} busybox --format {{.Os}}
image inspect {n}
container inspect busybox
container inspect -s {n} --format '{{.SizeRootFs}}'
kill -s nope {n}
kill --signal= {n}
kill -s 99 {n}
kill -s 0 {n}
kill -s WINCH {n}
kill -s SIGWINCH {n}
kill -s 28 {n}
kill nope-{n}
kill
kill {n} nope-{n}
stop -t x {n}
stop -s nope {n}
stop nope-{n} {n}
stop
start {n} nope-{n} nope2-{n}
start -a {n} {n}
start -i nope-{n}
start --checkpoint-dir x {n}
restart -t 0 {n} nope-{n}
restart -s KILL {n}
restart
stop --time 0 {n}
wait {n} nope-{n} {n}
wait
rm nope-{n} {n} nope2-{n}
rm -f nope-{n}
rm
rm -l nope-{n}
rm --volumes nope-{n}
rename nope-{n} x
rename {n} {n} {n}
attach
attach nope-{n}
attach --sig-proxy=maybe {n}
run --name {n} -d busybox sleep 300
run --name {n} -d busybox sleep 300
create --name {n} busybox
attach --no-stdin nope-{n}
rm {n}
exec
rm -fv {n}
run --name {n} busybox sh -c 'exit 7'
start -a {n}
start {n}
wait {n}
logs {n}
rm {n}
create --name {n} -it busybox sh
attach {n}
start -ai nope-{n}
rm {n}
run --rm --name -bad busybox
run --rm --name a busybox
run --rm busybox sh -c 'kill -9 $$'
run --rm busybox sh -c 'kill -TERM $$'
run --rm busybox nope
run --rm busybox ./nope
run --rm busybox /tmp
run --rm busybox ''
run --rm --entrypoint '' busybox
run --rm --entrypoint '' busybox echo plain
run --rm --entrypoint /nope busybox
run --rm -w /etc/passwd busybox pwd
run --rm -w relative busybox pwd
run --rm -u nope busybox id
run --rm -u 0:nope busybox id
run --rm -u 1:2 busybox id
run --rm --group-add 99 busybox id
run --rm --group-add nope busybox id
run --rm --cap-add nope busybox true
run --rm --cap-drop ALL --cap-add net_admin busybox grep CapEff /proc/self/status
run --rm --privileged busybox grep CapEff /proc/self/status
run --rm --security-opt nope busybox true
run --rm --security-opt seccomp=/nope busybox true
run --rm --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status
run --rm --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status
run --rm --device /nope busybox true
run --rm --device /dev/null:/dev/x busybox ls /dev/x
run --rm --device /dev/null:/dev/x:q busybox true
run --rm --device a:b:c:d busybox true
run --rm --ulimit nope busybox true
run --rm --ulimit nofile=5:1 busybox true
run --rm --ulimit nope=5:10 busybox true
run --rm --ulimit nofile=a busybox true
run --rm --ulimit nofile=1:2:3 busybox true
run --rm --sysctl nope busybox true
run --rm --sysctl net.ipv4.ip_forward=0 busybox cat /proc/sys/net/ipv4/ip_forward
run --rm --sysctl kernel.nope=1 busybox true
run --rm --shm-size 1m busybox df /dev/shm
run --rm --shm-size nope busybox true
run --rm --tmpfs /t:nope busybox true
run --rm --tmpfs relative busybox true
run --rm --mount type=tmpfs,dst=/t,tmpfs-size=1m busybox df /t
run --rm --mount type=tmpfs,dst=/t,tmpfs-mode=9 busybox true
run --rm --mount type=bind,src=/nope-{n},dst=/t busybox true
run --rm --mount type=bind,dst=/t busybox true
run --rm --mount type=bind,src=/tmp busybox true
run --rm --mount type=nope,src=/tmp,dst=/t busybox true
run --rm --mount nope busybox true
run --rm --mount type=bind,nope=1 busybox true
run --rm --mount type=bind,src=/tmp,dst=/t,readonly=x busybox true
run --rm --mount type=bind,src=/tmp,dst=/t,bind-propagation=nope busybox true
run --rm --mount type=bind,src=/tmp,dst=relative busybox true
run --rm --mount type=tmpfs,src=/x,dst=/t busybox true
run --rm -v relative busybox true
run --rm -v /nope:relative busybox true
run --rm -v /tmp:/t:nope busybox true
run --rm -v /tmp:/t:ro,rw busybox true
run --rm -v : busybox true
run --rm -v /tmp:/ busybox true
run --rm -e A=1 -e A=2 busybox sh -c 'echo $A'
run --rm -e =x busybox true
run --rm -e '' busybox true
run --rm -e 'A B=c' busybox env -u HOSTNAME -u HOME
run --rm --env-file /nope busybox true
run --rm --env-file /etc busybox true
run --rm --env-file {t}/env busybox env -u HOSTNAME -u HOME -u PATH
run --rm --env-file {t}/badenv busybox true
run --rm --env-file {t}/badenv2 busybox true
run --rm --label-file /nope busybox true
create --name {n} --label-file {t}/labels -l last=1 busybox
inspect {n} --format '{{json .Config.Labels}}'
rm {n}
create --name {n} --cidfile {t}/cid-{n} busybox
create --name {n}2 --cidfile {t}/cid-{n} busybox
rm {n}
create --name {n} -l nolabel -l =x -l a=b=c busybox
inspect {n} --format '{{json .Config.Labels}}'
rm {n}
create --name {n} --stop-signal nope busybox
create --name {n} --stop-signal USR1 --stop-timeout 3 -e X --expose 80 --expose 8000-8002/udp --hostname h.d --domainname d busybox a b
inspect {n} --format '{{.Config.StopSignal}} {{.Config.StopTimeout}} {{json .Config.ExposedPorts}} {{.Config.Hostname}} {{.Config.Domainname}} {{json .Config.Cmd}} {{json .Config.Entrypoint}} {{json .Config.Env}}'
rm {n}
create --name {n} --expose nope busybox
create --name {n} --expose 80-70 busybox
create --name {n} -p nope busybox
create --name {n} -p 80:70:60:50 busybox
create --name {n} -p 80-90:1-3 busybox
create --name {n} -p 1.2.3.4.5:80:80 busybox
create --name {n} -p 80/nope busybox
create --name {n} --restart nope busybox
create --name {n} --restart always:3 busybox
create --name {n} --restart on-failure:x busybox
create --name {n} --restart on-failure:-1 busybox
create --name {n} --restart :3 busybox
create --name {n} --restart '' busybox
rm {n}
create --name {n} --memory 1k busybox
create --name {n} --memory 1q busybox
create --name {n} --memory 64m --memory-swap 32m busybox
create --name {n} --memory-swap 64m busybox
create --name {n} --memory-reservation 1m busybox
create --name {n} --memory 64m --memory-reservation 65m busybox
create --name {n} --memory-swappiness 101 busybox
create --name {n} --memory-swappiness x busybox
create --name {n} --cpus -1 busybox
create --name {n} --cpus 1000 busybox
create --name {n} --cpus 1.0000000001 busybox
create --name {n} --cpus 1 --cpu-quota 50000 busybox
create --name {n} --cpu-period 1 busybox
create --name {n} --cpu-quota 1 busybox
create --name {n} --cpu-shares -1 busybox
create --name {n} --cpuset-cpus nope busybox
create --name {n} --cpuset-cpus 0-900 busybox
create --name {n} --pids-limit x busybox
create --name {n} --oom-score-adj 2000 busybox
create --name {n} --blkio-weight 5 busybox
create --name {n} --blkio-weight 70000 busybox
create --name {n} --blkio-weight -1 busybox
create --name {n} --blkio-weight-device nope busybox
create --name {n} --blkio-weight-device /dev/x:5 busybox
create --name {n} --device-read-bps nope busybox
create --name {n} --device-read-bps /dev/x:nope busybox
create --name {n} --device-read-iops /dev/x:nope busybox
create --name {n} --device-read-iops /dev/x:1m busybox
create --name {n} --device-cgroup-rule nope busybox
create --name {n} --health-interval -1s --health-cmd x busybox
create --name {n} --health-interval x busybox
create --name {n} --health-retries -1 --health-cmd x busybox
create --name {n} --no-healthcheck --health-cmd x busybox
create --name {n} --health-start-period -1s --health-cmd x busybox
create --name {n} --health-timeout -1s --health-cmd x busybox
create --name {n} --ip nope busybox
create --name {n} --ip6 nope busybox
create --name {n} --mac-address nope busybox
create --name {n} --add-host nope busybox
create --name {n} --add-host a:nope busybox
create --name {n} --dns nope busybox
create --name {n} --dns-search 'a b' busybox
create --name {n} --link nope busybox
create --name {n} --log-driver nope busybox
create --name {n} --log-opt nope busybox
create --name {n} --log-opt max-size=x busybox
create --name {n} --log-opt nope=1 busybox
create --name {n} --log-driver none --log-opt max-size=1m busybox
create --name {n} --network nope-{n} busybox
rm {n}
create --name {n} --network name=bridge,nope=x busybox
create --name {n} --network nope=x,y busybox
create --name {n} --network host --network bridge busybox
create --name {n} --network container:nope-{n} busybox
create --name {n} --pid nope busybox
create --name {n} --ipc nope busybox
create --name {n} --uts nope busybox
create --name {n} --userns nope busybox
create --name {n} --cgroupns nope busybox
create --name {n} --isolation nope busybox
create --name {n} --runtime nope busybox
create --name {n} --platform nope busybox
create --name {n} --platform a/b/c/d busybox
create --name {n} --storage-opt nope busybox
create --name {n} --annotation nope busybox
create --name {n} --annotation a=b busybox
inspect {n} --format '{{json .HostConfig.Annotations}}'
rm {n}
create --name {n} --gpus nope busybox
create --name {n} --pull nope busybox
create --name {n} --hostname 'a b' busybox
create --name {n} --uts host --hostname x busybox
create --name {n} --network host --hostname x busybox
rm {n}
create --name {n} BUSYBOX
create --name {n} ''
create --name {n} busybox:
create --name {n} busybox@sha256:abc
create --name {n} 'bad name'
create --name {n} -h
run -d --rm -a stdout busybox true
run -a stdin -a stdout busybox cat
run --rm -a stdout busybox sh -c 'echo o; echo e >&2'
run --rm -a stderr busybox sh -c 'echo o; echo e >&2'
run --rm --detach-keys nope busybox true
run --rm --detach-keys ctrl-1 busybox true
run --rm --sig-proxy=nope busybox true
run --rm --init busybox sh -c 'echo ok'
run --rm --init=false busybox echo ok
run --rm -it=false busybox echo x
run --rm -ti busybox echo x
run --rm -t busybox echo x
run --rm -te A=b busybox sh -c 'echo $A'
run --rm -e A=b -eC=d busybox sh -c 'echo $A $C'
run --rm -h=x busybox hostname
run --rm --hostname=x busybox hostname
run --rm -- busybox echo -n dash
run --rm busybox echo -- --rm -d
run --rm busybox -- true
run --env
run -e
run -p
run --rm --memory= busybox true
run --rm --no-trunc busybox
run --rm --userns=host busybox true
run --rm --ipc=host --pid=host --uts=host --network=host busybox true
run --rm --read-only --tmpfs /x busybox touch /x/y
run --rm --log-driver none busybox echo o
run --rm -q busybox echo q
run --pull=never --rm busybox:nope
run --pull=always --rm -q busybox echo pulled
pull
pull a b
pull -a nope-{n}
pull BAD
pull busybox@sha256:0000000000000000000000000000000000000000000000000000000000000000
pull busybox@nope
pull nope/nope-{n}
pull -q nope/nope-{n}
pull localhost:1/x
pull --platform nope busybox
pull --platform linux/arm64 busybox
pull busybox:latest
image pull -q busybox
images extra more
images -f nope
images -f nope=1
images -f dangling=maybe
images -f dangling=false busybox -q
images -f reference=busy* --format {{.Repository}}
images -f label=nope
images -f before=nope-{n}
images -f since=busybox --format {{.Repository}}
images -a --format {{.Repository}}:{{.Tag}} busybox
images --format '{{.ID}} {{.Digest}} {{.Size}} {{.CreatedSince}} {{.CreatedAt}}' busybox
images --format 'table {{.Repository}}\t{{.ID}}' busybox
images --format '{{.Nope}}' busybox
images --format '{{json .}}' busybox
images --format '{{.VirtualSize}} {{.SharedSize}} {{.UniqueSize}} {{.Containers}}' busybox
images -q --no-trunc busybox
images busybox:latest
images busybox:nope
images nope-{n}
images --digests --no-trunc busybox
images --digests --format '{{.Digest}}' busybox
image list busybox -q
tag
tag busybox
tag busybox t-{n} x
tag busybox BAD
tag busybox t-{n}:bad:tag
tag busybox t-{n}@sha256:0000000000000000000000000000000000000000000000000000000000000000
tag busybox localhost:5000/a/t-{n}:v1
images localhost:5000/a/t-{n}
image tag localhost:5000/a/t-{n}:v1 t2-{n}
rmi localhost:5000/a/t-{n}:v1 nope-{n} t2-{n}
rmi BAD
rmi -f nope-{n}
image rm nope-{n}
image remove nope-{n}
rmi nope@sha256:0000000000000000000000000000000000000000000000000000000000000000
rmi --no-prune nope-{n}
create --name {n} centos
rmi centos
rm {n}
events --since 0 --until 1 --format json
events --since nope
events --until nope
events --since 10 --until 5
events --format '{{.Nope' --until 1
events --format '{{.Nope}}' --since 0 --until 1
events --filter nope
events --filter nope=1 --since 0 --until 1
events extra
events --since 2001-01-01 --until 2001-01-02
system events --since 0 --until 1
info extra
info --format '{{.Driver}} {{.LoggingDriver}} {{.CgroupDriver}} {{.OSType}} {{.Swarm.LocalNodeState}} {{.DefaultRuntime}}'
info --format '{{.Nope}}'
info --format '{{.Nope'
info --format '{{json .SecurityOptions}} {{json .Plugins.Log}} {{.NCPU}} {{.MemTotal}} {{.Name}} {{.DockerRootDir}}'
system info --format {{.ServerVersion}}
version extra
version --format '{{.Nope}}'
version --format '{{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Os}} {{.Server.Arch}} {{.Server.KernelVersion}}'
version --format '{{.Server.Nope}}'
version --format '{{.Nope'
version --format '{{range .Server.Components}}{{.Name}} {{end}}'
version -f '{{json .Server.Platform}}'
container
container nope
image
image nope
system
system nope
help nope
nope --help
-D ps -q --filter name=nope-{n}
--debug ps -q --filter name=nope-{n}
-l nope ps
-l debug ps -q --filter name=nope-{n}
-H
-H nope://x ps
-H unix:///nope-{n} -H unix:///nope2-{n} ps
-c nope-{n} ps
--config /nope ps -q --filter name=nope-{n}
ps -h
search
"""
STDIN = {"run --rm -i busybox cat": b"through\nthe pipe\n", "run --rm -i busybox head -c 3": b"abcdef"}


def normal(text, name, side):
    text = text.replace(name, "NAME").replace("docker", "PROGRAM").replace("lighter", "PROGRAM")
    text = re.sub(r"\b(sha256:)?[0-9a-f]{64}\b|\b[0-9a-f]{12}\b", "ID", text)
    text = text.replace("\n\nSRun '", "\n\nRun '")  # a slip of docker's
    text = re.sub(r"\b0x[0-9a-f]+", "0xADDRESS", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ][0-9:.]+( [+-]\d{4} \w+|Z)?", "TIME", text)
    text = re.sub(r"(Less than a|\d+) seconds?( ago)?", "AGE", text)
    text = re.sub(r'"(Pid|IPAddress|MacAddress|SandboxKey|IPPrefixLen)": ("[^"]*"|\d+)', r'"\1": X', text)
    text = re.sub(r"^\S+ .*\bsleep 300$", "PROCESS sleep 300", text, flags=re.M)
    text = re.sub(r"^\d+ +sleep", "PID sleep", text, flags=re.M)
    # Column widths follow the texts replaced above.
    return re.sub(r" {2,}", "  ", re.sub(r" +$", "", text, flags=re.M)).strip()


def run(program, words, stdin, env=None):
    done = subprocess.run([program] + words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, timeout=60)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def write_files(folder):
    """What the lines with {t} read."""
    for name, text in (("env", "# comment\n\nA=1\nB=two words\n  C=3\nD=\nNOT_SET_ANYWHERE\n"), ("badenv", "A B=1\n"),
                       ("badenv2", "=x\n"), ("labels", "# comment\nf=1\nlast=0\nbare\n"),
                       ("seccomp.json", '{ "defaultAction": "SCMP_ACT_ALLOW" }\n')):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)


def cases():
    return [(line, b"") for line in COMMANDS.strip().splitlines()] + list(STDIN.items())


def answers(line, stdin, clients, folder, env=None):
    """What each client says, made comparable."""
    said = []
    for side, program in zip("dl", clients):
        name = "cmp-%d-%s" % (os.getpid(), side)
        words = shlex.split(line.replace("{n}", name).replace("{t}", folder))
        code, out, err = run(program, words, stdin, env)
        said.append("exit %d\n--out\n%s\n--err\n%s" % (code, normal(out, name, side), normal(err, name, side)))
    return said


def difference(said):
    return list(difflib.unified_diff(said[0].splitlines(), said[1].splitlines(), "docker", "lighter", lineterm="", n=1))[2:22]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lighter", default="build/src/cli/lighter")
    parser.add_argument("--docker", default="docker")
    parser.add_argument("-k", default="", help="only lines with this in them")
    parser.add_argument("-v", action="store_true", help="print what is the same too")
    options = parser.parse_args()
    different = count = 0
    with tempfile.TemporaryDirectory(prefix="cmp.") as folder:
        write_files(folder)
        for line, stdin in cases():
            if options.k not in line:
                continue
            count += 1
            said = answers(line, stdin, (options.docker, options.lighter), folder)
            if said[0] == said[1]:
                if options.v:
                    print("same:", line)
                continue
            different += 1
            print("DIFFERENT:", line)
            for text in difference(said):
                print("   ", text)
    print("%d commands, %d different" % (count, different))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
