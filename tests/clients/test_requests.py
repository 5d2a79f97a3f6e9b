#!/usr/bin/env python3
"""Every flag and template with `lighter` and with the docker CLI against an engine that only remembers: the requests,
the output and the exit code must be equal. Needs neither root nor an engine.

usage: test_requests.py [-k WORD] [-v]
"""

import argparse
import concurrent.futures
import os
import queue
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))

import compare_cli
import engine as engines
import fake_engine

CLIENTS = {'docker': shutil.which('docker'), 'lighter': engines.program('lighter')}

# {t}: a folder with files.
LINES = r"""
create busybox
create busybox a b
create -it --name web busybox
create -a stdout -a stdin busybox
create --add-host a:1.2.3.4 --add-host b=::1 --add-host c:[::2] --add-host d:host-gateway busybox
create --annotation a=b busybox
create --blkio-weight 20 --blkio-weight-device /dev/x:30 busybox
create --cap-add net_admin --cap-add ALL --cap-drop CHOWN busybox
create --cgroup-parent /x --cgroupns private busybox
create --cpu-count 2 --cpu-percent 3 --cpu-period 1000 --cpu-quota 2000 --cpu-rt-period 3 --cpu-rt-runtime 4 busybox
create -c 512 --cpus 1.5 --cpuset-cpus 0-1 --cpuset-mems 0 busybox
create --cpus .5 busybox
create --cpus 0 busybox
create --device /dev/a --device /dev/a:/dev/b --device /dev/a:r --device /dev/a:/dev/b:rw busybox
create --device vendor.com/class=device busybox
create --device-cgroup-rule 'c 1:3 rwm' busybox
create --device-read-bps /dev/a:1mb --device-write-bps /dev/a:2kb --device-read-iops /dev/a:3 --device-write-iops /dev/a:4 busybox
create --dns 1.2.3.4 --dns ::1 --dns-option ndots:2 --dns-opt x --dns-search a.b --dns-search . busybox
create --domainname d --hostname h busybox
create --entrypoint /bin/echo busybox x
create --entrypoint '' busybox x
create -e A=1 -e HOME -e NOT_SET_ANYWHERE -e B= busybox
create --env-file {t}/env -e A=2 busybox
create --expose 80 --expose 90/udp --expose 100-102 busybox
create --gpus all busybox
create --gpus 2 busybox
create --gpus '"device=0,1",driver=nvidia' busybox
create --gpus 'count=2,"capabilities=compute,utility"' busybox
create --group-add 1 --group-add audio busybox
create --health-cmd x --health-interval 1m --health-timeout 2s --health-retries 3 --health-start-period 4s busybox
create --health-start-interval 5s busybox
create --no-healthcheck busybox
create --init busybox
create --init=false busybox
create --ip 1.2.3.4 --ip6 ::1 --network n busybox
create --ipc host --pid host --uts host --userns host busybox
create --ipc container:x --pid container:y busybox
create --isolation default busybox
create --kernel-memory 64m busybox
create -l a=b -l c -l d= --label e=f=g busybox
create --label-file {t}/labels busybox
create --link a:b --link c busybox
create --link-local-ip 169.254.1.1 --network n busybox
create --log-driver json-file --log-opt max-size=1m --log-opt max-file=2 busybox
create --mac-address 02:00:00:00:00:01 busybox
create --mac-address 02:00:00:00:00:01 --network n busybox
create -m 64m --memory-reservation 32m --memory-swap 128m --memory-swappiness 10 busybox
create --memory-swap -1 -m 64m busybox
create --mount type=bind,src=/tmp,dst=/t busybox
create --mount type=bind,source=/tmp,target=/t,readonly busybox
create --mount type=bind,src=/tmp,dst=/t,ro=false,bind-propagation=rshared,bind-nonrecursive=true,consistency=cached busybox
create --mount type=bind,src=/tmp,dst=/t,bind-recursive=disabled busybox
create --mount type=bind,src=/tmp,dst=/t,readonly,bind-recursive=writable busybox
create --mount type=bind,src=/tmp,dst=/t,readonly,bind-propagation=rprivate,bind-recursive=readonly busybox
create --mount type=volume,src=v,dst=/t,volume-nocopy,volume-label=a=b,volume-driver=d,volume-opt=c=d,volume-subpath=s busybox
create --mount src=v,dst=/t busybox
create --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770 busybox
create --mount type=image,src=i,dst=/t,image-subpath=s busybox
create --mount type=bind,src=relative,dst=/t busybox
create --mount type=bind,src=./relative,dst=/t busybox
create --mount '"type=bind","src=/a,b","dst=/t"' busybox
create --network host busybox
create --network none busybox
create --network container:x busybox
create --network name=n,alias=a,alias=b,ip=1.2.3.4,ip6=::1,mac-address=02:00:00:00:00:01,link-local-ip=169.254.1.1,driver-opt=a=b,gw-priority=3 busybox
create --network a --network b --network-alias x busybox
create --net a --net-alias x busybox
create --oom-kill-disable --oom-score-adj 100 busybox
create --pids-limit 5 busybox
create --pids-limit -1 busybox
create --platform linux/amd64 busybox
create --platform amd64 busybox
create --platform linux/arm64/v8 busybox
create --platform arm busybox
create --platform 'Linux/X86_64' busybox
create --platform nope busybox
create --platform 'a b/c' busybox
create --privileged busybox
create -p 80 busybox
create -p 8080:80 -p 1.2.3.4:81:81/udp -p 1.2.3.4::82 -p [::1]:83:83 -p 84:84/sctp busybox
create -p 8080-8082:80-82 -p 9000-9010:90 busybox
create -P busybox
create --pull always busybox
create --pull never busybox
create --pull always -q busybox
create --read-only busybox
create --restart always busybox
create --restart on-failure:5 busybox
create --restart unless-stopped busybox
create --rm busybox
create --runtime runc busybox
create --security-opt seccomp=unconfined --security-opt apparmor:x --security-opt no-new-privileges busybox
create --security-opt no-new-privileges:true --security-opt label=disable busybox
create --security-opt systempaths=unconfined busybox
create --security-opt seccomp={t}/seccomp.json busybox
create --security-opt seccomp=builtin busybox
create --shm-size 1m busybox
create --stop-signal USR1 --stop-timeout 3 busybox
create --storage-opt size=1g busybox
create --sysctl net.ipv4.ip_forward=1 --sysctl kernel.sem='1 2' busybox
create --tmpfs /a --tmpfs /b:size=1m,mode=700 busybox
create --ulimit nofile=10:20 --ulimit nproc=5 --ulimit memlock=-1:-1 busybox
create -u 1:2 busybox
create -v /a -v /b:/d:ro busybox
create -v nn:/e busybox
create -v nn:/f:nocopy,z busybox
create -v ./rel:/c busybox
create -v . busybox
create -v .:/c busybox
create -v .:/c:ro busybox
create -v : busybox
create -v '' busybox
create -v a:b busybox
create -v a:b:c:d busybox
create -v a: busybox
create -v :b busybox
create -v /a:/b:nope busybox
create -v a::b busybox
create -v /a:/b: busybox
create -v ':::' busybox
create -v ../r:/x busybox
create -v './a/./b/../c:/d' busybox
create --cap-add ALL --cap-drop all --cap-drop CAP_x busybox
create --cap-add '' busybox
create --device a.b/cc=d --device x busybox
create --device '' busybox
create --gpus driver=nvidia,count=3 busybox
create --gpus '"options=a=b,c=d"' busybox
create --gpus device=1,count=2 busybox
create --gpus count=1,count=2 busybox
create --gpus count=x busybox
create --gpus '' busybox
create --gpus '"a' busybox
create --gpus 1 --gpus 2 busybox
create --mount '' busybox
create --mount type=bind,src=/a,dst=/b,ro,rw busybox
create --mount Type=BIND,SRC=/a,dst=/b busybox
create --mount type=bind,src=/a,dst=/b,tmpfs-size=1 busybox
create --mount type=tmpfs,dst=/b,bind-propagation=shared busybox
create --mount type=bind,src=/a,dst=/b,volume-nocopy busybox
create --mount type=bind,src=/a,dst=/b,bind-recursive=readonly busybox
create --mount type=bind,src=/a,dst=/b,readonly,bind-recursive=readonly busybox
create --mount type=bind,src=/a,dst=/b,bind-recursive=nope busybox
create --mount type=bind,src=../a,dst=/b busybox
create --mount type=tmpfs,dst=/b,tmpfs-size=nope busybox
create --mount type=tmpfs,dst=/b,tmpfs-mode=9 busybox
create --mount type=volume busybox
create --mount 'a"b,dst=/b' busybox
create --mount dst=/b,volume-label=a,volume-opt=d busybox
create --network '' busybox
create --network a --network a busybox
create --network a --network host busybox
create --network-alias q busybox
create --network name=a,alias=b --network-alias c busybox
create --network name=a,ip=1.2.3.4 --ip 1.2.3.5 busybox
create --network name=a,ip busybox
create --network name=a,gw-priority=x busybox
create --network name=a,driver-opt=x busybox
create --network alias=x busybox
create --link a:b --network bridge busybox
create --link a:b --network nn busybox
create --dns 127.0.0.1 --dns ::1 busybox
create --ulimit nofile=1 --ulimit nofile=2 busybox
create --security-opt seccomp={t}/env busybox
create --security-opt seccomp=/nope busybox
create --volume-driver d -v xx:/y --volumes-from a:ro --volumes-from b busybox
create -w /x busybox
create docker.io/library/busybox
create library/busybox:latest
create host:5000/a/b:c
create busybox@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
create busybox:tag@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
create aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
run -d busybox
run -d --name web --rm busybox sleep 1
run -d -it busybox
run -d --detach-keys a,b busybox
start web
start web nope web
start nope
stop web
stop -t 3 web
stop -t 0 -s USR1 web other
restart -t -1 web
restart -s KILL web
kill web
kill -s 9 web
kill --signal=HUP web nope
wait web web
rm web
rm -f web
rm -v -l web/x
rm -fv nope
rename web db
top web
top web -o pid,cmd
logs web
logs -f --tail 5 -t --details web
logs --since 2024-01-02 --until 2024-01-02T03:04:05Z web
logs --since 1700000000 web
logs --since 1700000000.5 web
logs --since 2024-01-02T03:04 web
logs --since 2024-01-02T03:04:05.123+02:00 web
logs -n 0 web
ps
ps -a
ps -q
ps -aq
ps -l
ps -n 3
ps -n 0
ps -n -1
ps -s
ps --no-trunc
ps -q --no-trunc
ps --filter name=a --filter name=b --filter label=c=d --filter status=running
ps --filter NAME=x
ps --format raw
ps --format raw -s
ps -q --format raw
ps -q --format json
ps -q --format table
ps -q --format {{.Names}}
ps --no-trunc --format raw
ps --format json
ps --format '{{json .}}'
ps --format 'table {{json .}}'
ps --format '{{json .Labels}} {{json .Ports}}'
ps --format {{.Size}}
ps --format '{{if .Size}}x{{end}}'
ps --format 'table {{.Names}}\t{{.Size}}'
ps --format 'table {{.Label "a.b"}}\t{{.Label "com.ex_am-ple"}}\t{{.Label "k"}}'
ps --format '{{.Label "a.b"}}'
ps --format '{{.Label}}'
ps --format '{{.Nope}}'
ps --format 'table {{.Nope}}'
ps --format ' {{.ID}} '
ps --format 'table json'
ps --format 'json '
ps --format pretty
ps --format tablex
ps --format ''
ps --format '{{.Platform}} {{.Ports}} {{.Mounts}} {{.LocalVolumes}} {{.Command}}'
ps --format 'table {{upper .Names}}\t{{.Names|lower}}'
ps --format '{{.Names'
ps --format '{{upper 3}}'
ps --format '{{nope .Names}}'
images
images -a
images -q
images --no-trunc
images --digests
images --format raw
images --format raw --digests
images -q --format raw
images -q --format json
images -q --format {{.Repository}}
images -q --format table
images --format json
images --format '{{json .}}'
images --format '{{.Nope}}'
images --format 'table {{.Nope}}'
images --format '{{.ID'
images --format 'table {{.Repository}}\t{{.Digest}}'
images busybox
images -f dangling=true
images --filter reference=x --filter since=y
rmi busybox
rmi -f busybox nope
rmi --no-prune busybox
rmi --platform linux/amd64 busybox
rmi --platform linux/amd64 --platform arm64 busybox
rmi --platform nope busybox
tag busybox x:y
tag busybox host:5000/x
tag aaaaaaaaaaaa x@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
pull busybox
pull -q busybox
pull busybox:x
pull -a busybox
pull -a busybox:x
pull host:5000/a/b
pull busybox@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
pull --platform linux/arm64 busybox
pull --platform nope busybox
image pull --disable-content-trust busybox
push busybox
push busybox:x
push -q busybox
push -a busybox
push -a -q host:5000/a/b
push -a busybox:x
push host:5000/a/b:c
push host:5000/a/b/denied
push -q host:5000/a/b/denied:x
push --platform linux/arm64 busybox:x
push --platform nope busybox
push --platform linux/arm/v7 -q UPPER
push --disable-content-trust=false=x busybox
image push --disable-content-trust busybox
push busybox@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
push UPPER
push
push busybox x
push nope
inspect web
inspect web web --format json
inspect web nope -f {{.Id}}
inspect web nope web -f {{.Nope}}
inspect -s web
inspect --type image busybox
inspect --type container web -f {{.ID}}
inspect web -f '{{.}}'
inspect web -f '{{json .}}'
inspect web -f '{{.State}}'
inspect web -f '{{.State.Health}} {{range .State.Health.Log}}{{.}} {{.Start}} {{json .}}{{end}}'
inspect web -f '{{print .State.Health.Status}} {{printf "%v|%+v" .GraphDriver .GraphDriver}}'
inspect web -f '{{.Config}}'
inspect web -f '{{json .Config}}'
inspect web -f '{{.Config.Healthcheck}} {{.Config.Healthcheck.Interval}} {{json .Config.Healthcheck}}'
inspect web -f '{{.Config.StopTimeout}} {{.Config.ExposedPorts}} {{.Config.Volumes}} {{json .Config.Volumes}}'
inspect web -f '{{.HostConfig}}'
inspect web -f '{{json .HostConfig}}'
inspect web -f '{{.HostConfig.Ulimits}} {{index .HostConfig.Ulimits 0}} {{.HostConfig.BlkioWeightDevice}} {{.HostConfig.BlkioDeviceReadBps}}'
inspect web -f '{{.HostConfig.Mounts}} {{range .HostConfig.Mounts}}{{.TmpfsOptions}} {{json .}}{{end}}'
inspect web -f '{{.HostConfig.PidsLimit}} {{.HostConfig.Init}} {{.HostConfig.OomKillDisable}} {{.HostConfig.Resources.Memory}}'
inspect web -f '{{if .HostConfig.Init}}a{{else}}b{{end}}{{if .State.Health}}c{{end}}{{if .HostConfig.CapAdd}}d{{end}}'
inspect web -f '{{.HostConfig.CapAdd}}|{{json .HostConfig.CapAdd}}|{{len .HostConfig.CapAdd}}|{{join .HostConfig.CapAdd ","}}'
inspect web -f '{{.HostConfig.RestartPolicy}} {{.HostConfig.LogConfig}} {{.HostConfig.PortBindings}} {{.HostConfig.ConsoleSize}} {{.HostConfig.Devices}}'
inspect web -f '{{.NetworkSettings}}'
inspect web -f '{{json .NetworkSettings}}'
inspect web -f '{{.NetworkSettings.Ports}} {{json .NetworkSettings.Ports}}'
inspect web -f '{{range $p, $b := .NetworkSettings.Ports}}{{$p}}={{range $b}}{{.HostPort}}{{end}};{{end}}'
inspect web -f '{{.NetworkSettings.Networks.bridge.IPAddress}} {{.NetworkSettings.Networks.bridge.IPAMConfig}} {{.NetworkSettings.Networks.bridge}}'
inspect web -f '{{.NetworkSettings.Networks.nope.IPAddress}}'
inspect web -f '{{.Mounts}} {{json .Mounts}}'
inspect web -f '{{.Config.Labels}} {{.Config.Labels.k}} {{.Config.Labels.nope}} {{index .Config.Labels "nope"}} {{index .Config.Labels "a.b"}}'
inspect web -f '{{.Config.Labels.a.b}}'
inspect web -f '{{.Id}} {{.State}}'
inspect web -f '{{.ID}} {{.Name}} {{.Created}} {{.Path}} {{.Args}}'
inspect web -f '{{.HostConfig.CPUShares}} {{.HostConfig.NanoCPUs}} {{.HostConfig.DNS}}'
inspect web -f '{{.HostConfig.Dns}}'
inspect web -f '{{.State.Nope}}'
inspect web -f '{{.State.Nope.X.Y}}'
inspect web -f '{{with .State}}{{$.State.Nope}}{{end}}'
inspect web -f '{{$x := .State}}{{$x.Nope.Y}}'
inspect web -f '{{index .Mounts 9}}'
inspect web -f '{{.Nope | json}}'
inspect web -f '{{join .State ","}}'
inspect web -f '{{title 3}}'
inspect web -f '{{truncate .Name}}'
inspect web -f '{{.Config.Env 3}}'
inspect web -f '{{.Name.X}}'
inspect web -f '{{.State.Health.Status.X}}'
inspect web -f '{{index .State "a"}}'
inspect web -f '{{range .State}}{{.}} {{end}}'
inspect web -f '{{len .State}}'
inspect web -f '{{upper .State}}'
inspect web -f '{{.SizeRw}} {{.SizeRootFs}} {{.ImageManifestDescriptor}}'
inspect web -f '{{.GraphDriver}} {{.GraphDriver.Data.UpperDir}}'
inspect web -f '{{.ID'
inspect web -f '{{with .State}}{{.Pid}}{{end}} {{$x := .Name}}{{$x}}'
inspect web -f '{{eq .State.Pid 42}} {{and .State.Running (gt .State.Pid 1)}} {{not .State.Paused}}'
container inspect web -f '{{.State.StartedAt}}'
container inspect nope web -f x
image inspect busybox
image inspect busybox -f '{{.}}'
image inspect busybox -f '{{json .}}'
image inspect busybox -f '{{.Config}} {{json .Config}} {{.Config.Env}} {{.Config.Hostname}}'
image inspect busybox -f '{{.Config.Env}} {{.RepoTags}} {{.RootFS}} {{.RootFS.Layers}} {{.Metadata}} {{.Metadata.LastTagTime}} {{.GraphDriver}} {{.ContainerConfig}}'
image inspect busybox -f '{{.Parent}}|{{.Comment}}|{{.Size}}|{{.VirtualSize}}|{{.Descriptor}}|{{.Manifests}}|{{.Os}}/{{.Architecture}}'
image inspect busybox --platform linux/amd64 -f x
image inspect busybox --platform arm -f x
image inspect busybox --platform linux/arm/v7 -f x
image inspect busybox --platform linux/arm64/8 -f x
image inspect busybox --platform 'windows(10.0)/amd64' -f x
image inspect busybox --platform nope
image inspect busybox --platform a/b/c/d
image inspect busybox --platform /amd64
image inspect busybox --platform '*'
image inspect busybox --platform ''
version -f '{{.Server}}'
version -f '{{json .Server}}'
version -f '{{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Platform}} {{.Server.Platform.Name}} {{.Server.Experimental}}'
version -f '{{.Server.ApiVersion}}'
version -f '{{range .Server.Components}}{{.Name}} {{.Details}} {{end}}'
version -f '{{.Client.APIVersion}} {{.Client.DefaultAPIVersion}} {{.Client.Os}} {{.Client.Arch}} {{.Client.Context}}'
version -f '{{.Client.Nope}}'
version -f '{{.Nope}}'
version -f '{{.Nope'
info
info -f '{{json .Runtimes}} {{.Runtimes}} {{.RegistryConfig}} {{.RegistryConfig.InsecureRegistryCIDRs}} {{json .RegistryConfig}}'
info -f '{{.DriverStatus}} {{.Plugins}} {{json .Plugins}} {{.Swarm}} {{json .Swarm}} {{.ContainerdCommit}} {{.SecurityOptions}}'
info -f '{{.ServerErrors}} {{.Warnings}} {{.Labels}} {{.HTTPProxy}} {{.CPUCfsPeriod}} {{.NCPU}} {{.ClientInfo.Debug}}'
info -f '{{.HttpProxy}}'
info -f '{{.Nope}}'
info -f '{{.Nope'
info -f 'json '
save busybox
save busybox x:y host:5000/z
save --platform linux/arm64 busybox
save --platform nope busybox
save
load -i {t}/env
load -q -i {t}/env
load --platform linux/arm64/v8 -i {t}/env
load -i /nope
load x
import {t}/env
import {t}/env x:y
import -c 'CMD a' -c 'ENV b=c' -m words {t}/env x
import http://host/x.tar x:y
import /nope x
import {t}/env BAD
import
history busybox
history --no-trunc busybox
history -q busybox
history --format json busybox
history --format '{{.ID}} {{.CreatedSince}} {{.CreatedAt}} {{.CreatedBy}} {{.Size}} {{.Comment}}' busybox
history --human=false busybox
history --platform linux/arm64 busybox
history --platform nope busybox
search nginx
search --no-trunc nginx
search --limit 5 nginx
search --limit 0 nginx
search --limit x nginx
search -f is-official=true -f stars=3 nginx
search -f nope nginx
search --format json nginx
search --format '{{.Name}}|{{.StarCount}}|{{.IsOfficial}}|{{.Description}} {{json .}}' nginx
search --format 'table {{.Name}}\t{{.StarCount}}' nginx
search --format '{{.IsAutomated}}' nginx
search --format '{{.Name' nginx
search host:5000/x
search
search a b
system df
system df -v
system df x
system df --format json
system df --format raw
system df --format '{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}|{{.Reclaimable}}'
system df --format 'table {{.Type}}\t{{.Size}}'
system df --format '{{.Nope}}'
system df --format '{{.Type'
system df -v --format json
system df -v --format raw
system df -v --format '{{range .Images}}{{.Repository}} {{end}}{{range .Volumes}}{{.Name}}{{.Links}}{{end}}'
system prune
system prune -f
system prune -a
system prune -a --volumes
system prune -af --volumes
system prune -f --filter label=x --filter until=24h
system prune --filter label=x --filter until=24h
system prune -f --volumes --filter until=24h
system prune -f --filter nope
system prune x
image prune
image prune -a
image prune -f
image prune -af --filter until=1h
image prune x
logout a b
login a b
login --password-stdin
login -u '' -p x
login -u a -p ''
login -u a -p x --password-stdin
login -u a
login host:5000
events
events --format json
events --format '{{json .}}'
events --format '{{.}}'
events --format '{{.Type}} {{.Action}} {{.Actor}} {{.Actor.ID}} {{.Actor.Attributes.name}} {{.Time}} {{.TimeNano}} {{.ID}} {{.Status}} {{.From}}'
events --format '{{.Nope}}'
events --format '{{.status}}'
events --format '{{.Nope'
events --since 1700000000 --until 1700000001.5 -f type=container -f event=die
events --since 2024-01-02T03:04:05Z --until 2024-01-02
container
image
system
container --help
container nope
container nope --help
container -h
container --nope
image nope x
system nope
help
help nope
help container nope
help ps extra
help help
help container ls
nope
nope --help
--nope
-H
-l nope ps
-l debug ps -q
-l '' ps -q
-D ps -q
-H unix:///a -H unix:///b ps
-H unix:///a -c x ps
-H nope://x ps
-H tcp://a:b ps
-H [::1] ps
-c nope ps
-c default ps -q
-v ps -q
"""

# What differs on purpose: the line, and why.
DIFFERENT = {
    'create --mount type=bind,src=/tmp,dst=/t,ro=false,bind-propagation=rshared,bind-nonrecursive=true,consistency=cached busybox':
        'docker logs that bind-nonrecursive is deprecated',
    'info': 'says who the client is',
    'create --security-opt seccomp={t}/env busybox': 'says otherwise why it is no JSON',
    '-c nope ps': 'the folder that was searched instead of one file of it',
}
# Help: its words are our own. The stream, the first line and the exit code are compared.
HELP = ['container', 'image', 'system', 'container --help', 'container nope --help', 'container -h', 'help', 'nope --help',
        'help container ls', 'create --help', 'container ls -h']
# Many containers at a time: the order of the requests is anyone's.
UNORDERED = ('stop', 'kill', 'rm')


def answer(client, line, engine, folder, home):
    env = {'PATH': os.environ['PATH'], 'HOME': home, 'DOCKER_HOST': 'unix://' + engine.socket_path, 'TZ': 'UTC'}
    words = shlex.split(line.replace('{t}', folder))
    done = subprocess.run([CLIENTS[client], *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env, cwd=folder, timeout=60)
    out, err = (compare_cli.normal(text.decode(errors='replace'), 'n/a', client) for text in (done.stdout, done.stderr))
    asked = [f'{what} {query} {tidy(body)}' for what, query, body in engine.take()]
    # The client of docker waits for what it does not attach to, looks for swarm's objects, too.
    asked = [what for what in asked if not (line.startswith('run -d') and '/wait' in what) and 'GET /v1.50/plugins' not in what
             and not (line.startswith('inspect') and '/info' in what)]
    if line.split()[0] in UNORDERED:
        asked.sort()
    if line in HELP:
        out, err = (''.join(found.group() for found in re.finditer('.*Flag shorthand.*|^Usage: .*', text, re.M)) for text in (out, err))
    return f'exit {done.returncode}\n--out\n{out}\n--err\n{err}\n--asked\n' + '\n'.join(asked)


def tidy(document):
    """Without what is empty, sorted: to an engine, absent, null and empty are one."""
    if isinstance(document, dict):
        # The client of docker sends variables in the order of a map: any.
        kept = {key: sorted(value) if key == 'Env' and value else tidy(value) for key, value in sorted(document.items())}
        empty = (None, '', [], 0, False)
        return {key: value for key, value in kept.items() if value not in empty and not (value == {} and key.isidentifier())}
    return [tidy(item) for item in document] if isinstance(document, list) else document


def compare(line, engines_, folder, home):
    """What docker and lighter do, with engines of their own while they do it."""
    pair = engines_.get()
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            sides = [pool.submit(answer, client, line, pair[client], folder, home) for client in ('docker', 'lighter')]
            return [side.result() for side in sides]
    finally:
        engines_.put(pair)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('-k', default='')
    parser.add_argument('-v', action='store_true')
    options = parser.parse_args()
    if not CLIENTS['docker'] or not os.path.exists(CLIENTS['lighter']):
        print('skipped: no docker CLI here, or lighter is not built')
        sys.exit(77)
    pairs = [{client: fake_engine.FakeEngine() for client in CLIENTS} for _ in range(3)]
    free = queue.SimpleQueue()
    for pair in pairs:
        free.put(pair)
    lines = [line for line in LINES.strip().splitlines() + HELP if options.k in line]
    lines = list(dict.fromkeys(lines))
    different = 0
    with tempfile.TemporaryDirectory(prefix='lt-requests.') as folder, tempfile.TemporaryDirectory(prefix='lt-home.') as home, \
            concurrent.futures.ThreadPoolExecutor(len(pairs)) as pool:
        compare_cli.write_files(folder)
        for line, said in zip(lines, pool.map(lambda line: compare(line, free, folder, home), lines)):
            if (said[0] == said[1]) != (line in DIFFERENT):
                if options.v:
                    print('as expected:', line)
                continue
            different += 1
            print('DIFFERENT:' if said[0] != said[1] else 'SAME, but listed as different:', line)
            for text in compare_cli.difference(said):
                print('   ', text)
    for pair in pairs:
        for one in pair.values():
            one.close()
    print(f'{len(lines)} commands, {different} not as expected')
    sys.exit(1 if different else 0)


if __name__ == '__main__':
    main()
