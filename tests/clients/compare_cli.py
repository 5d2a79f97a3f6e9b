#!/usr/bin/env python3
"""Runs the same commands with `docker` and `lighter` against one engine and compares standard output,
standard error and exit code, apart from ids, times and what each says about itself.

    DOCKER_HOST=unix:///... tests/clients/compare_cli.py --lighter build/src/cli/lighter
The engine must have (or be able to pull) busybox. Ends with 1 when something differs.
"""
import argparse, difflib, os, re, subprocess, sys

# {n}: a container of this side's own. Every line runs in order, on both sides.
COMMANDS = r"""
create --name {n} -e A=1 -l k=v -m 64m --cpus 0.5 -w /tmp busybox sleep 300
start {n}
ps -a --filter name={n}
ps -aq --filter name={n}
ps --filter name={n} --format {{{{.Names}}}}|{{{{.Image}}}}|{{{{.State}}}}|{{{{.Label "k"}}}}|{{{{.Command}}}}
ps --filter name={n} --format 'table {{{{.Names}}}}\t{{{{.Image}}}}\t{{{{upper .State}}}}'
ps --filter name={n} --format json
ps --filter name={n} --format {{{{.Nope}}}}
ps --filter name={n} --format {{{{.ID
ps --filter nonsense
ps --filter nope=1
inspect {n} --format {{{{.Config.Env}}}}{{{{.HostConfig.Memory}}}}-{{{{.HostConfig.NanoCpus}}}}-{{{{.Config.WorkingDir}}}}
inspect {n} -f {{{{json.Config.Labels}}}}
inspect {n} -f {{{{json\ .Config.Labels}}}}
inspect {n} -f '{{{{range $k, $v := .NetworkSettings.Networks}}}}{{{{$k}}}}{{{{end}}}}'
inspect {n} -f '{{{{if .State.Health}}}}h{{{{else}}}}none{{{{end}}}}'
inspect {n} -f {{{{.Nope}}}}
inspect {n}
inspect nope-{n}
inspect -f {{{{.Id}}}} nope-{n}
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
images t-{n} --format {{{{.Repository}}}}:{{{{.Tag}}}}
images busybox
images -q busybox
images --no-trunc busybox --format {{{{.ID}}}}
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
info --format {{{{.ServerVersion}}}}
version --format {{{{.Server.Version}}}}
"""
STDIN = {"run --rm -i busybox cat": b"through\nthe pipe\n", "run --rm -i busybox head -c 3": b"abcdef"}


def normal(text, name, side):
    text = text.replace(name, "NAME").replace("docker", "PROGRAM").replace("lighter", "PROGRAM")
    text = re.sub(r"\b(sha256:)?[0-9a-f]{64}\b|\b[0-9a-f]{12}\b", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ][0-9:.]+( [+-]\d{4} \w+|Z)?", "TIME", text)
    text = re.sub(r"(Less than a|\d+) seconds?( ago)?", "AGE", text)
    text = re.sub(r'"(Pid|IPAddress|MacAddress|SandboxKey|IPPrefixLen)": ("[^"]*"|\d+)', r'"\1": X', text)
    text = re.sub(r"^\d+ +sleep", "PID sleep", text, flags=re.M)
    # Column widths follow the texts replaced above.
    return re.sub(r" {2,}", "  ", re.sub(r" +$", "", text, flags=re.M)).strip()


def run(program, words, stdin):
    done = subprocess.run([program] + words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def main():
    import shlex
    parser = argparse.ArgumentParser()
    parser.add_argument("--lighter", default="build/src/cli/lighter")
    parser.add_argument("--docker", default="docker")
    parser.add_argument("-v", action="store_true", help="print what is the same too")
    options = parser.parse_args()
    cases = [(line, b"") for line in COMMANDS.strip().splitlines()] + list(STDIN.items())
    different = 0
    for line, stdin in cases:
        answers = []
        for side, program in (("d", options.docker), ("l", options.lighter)):
            name = "cmp-%d-%s" % (os.getpid(), side)
            code, out, err = run(program, shlex.split(line.format(n=name)), stdin)
            answers.append("exit %d\n--out\n%s\n--err\n%s" % (code, normal(out, name, side), normal(err, name, side)))
        if answers[0] == answers[1]:
            if options.v:
                print("same:", line)
            continue
        different += 1
        print("DIFFERENT:", line)
        for text in list(difflib.unified_diff(answers[0].splitlines(), answers[1].splitlines(), "docker", "lighter", lineterm="", n=1))[2:22]:
            print("   ", text)
    print("%d commands, %d different" % (len(cases), different))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
