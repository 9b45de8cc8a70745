"""Checks manifests: python manifests.py LOCALMAP FILE...

Exits with 1 if a manifest has a fault, or if a fault that is planted in one is not found.
"""

import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

# The oldest version for which the manifests are meant, and the newest that is known.
VERSIONS = ["1.33", kubernetes_validate.latest_version()]
IMAGE = "localmap:"
PROGRAM = "/usr/bin/localmap"
PROBES = ["startupProbe", "readinessProbe", "livenessProbe"]
# What a sidecar takes without maps and connections, and the most that a connection holds: docs/sidecar.md.
PROGRAM_BYTES = 64 * 2**20
CONNECTION_BYTES = 36 * 2**20
UNKNOWN = "--no-such-option"


# The limits of a process in a container, as container runtimes set them by default.
LIMITS = "Limit                     Soft Limit           Hard Limit           Units     \n" + "".join(
    f"{name:<25} {soft:<20} {soft:<20} {unit:<10}\n"
    for name, soft, unit in [
        ("Max data size", "unlimited", "bytes"),
        ("Max stack size", "8388608", "bytes"),
        ("Max processes", "unlimited", "processes"),
        ("Max open files", "1048576", "files"),
        ("Max locked memory", "8388608", "bytes"),
        ("Max address space", "unlimited", "bytes"),
    ]
)


def read(path):
    return [resource for resource in yaml.safe_load_all(Path(path).read_text()) if resource]


def faults(program, resources):
    """Returns what is wrong with the resources of a file."""
    found = []
    for resource in resources:
        found += schema_faults(resource)
    if not found:
        pods = [pod(resource) for resource in resources if pod(resource)]
        found += reference_faults(resources)
        for spec in pods:
            found += safety_faults(spec)
            found += socket_faults(spec)
            for container in containers(spec):
                found += option_faults(program, container)
            found += room_faults(program, spec)
    return found


def pod(resource):
    if resource["kind"] == "Pod":
        return resource["spec"]
    return resource.get("spec", {}).get("template", {}).get("spec")


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def schema_faults(resource):
    found = []
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except (
            kubernetes_validate.ValidationError,
            kubernetes_validate.SchemaNotFoundError,
            KeyError,
        ) as error:
            found.append(f"Kubernetes {version}: {error}")
    return found


def reference_faults(resources):
    """What the schemas cannot say: names that must be those of something else in the file."""
    found = []
    named = {(resource["kind"], resource["metadata"]["name"]) for resource in resources}
    labels, ports = [], set()
    for resource in resources:
        spec = pod(resource)
        if not spec:
            continue
        template = resource["spec"]["template"]["metadata"]["labels"]
        selector = resource["spec"]["selector"]["matchLabels"]
        labels.append(template)
        if not selector.items() <= template.items():
            found.append(f"the selector {selector} does not select its own pods")
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        for volume in volumes.values():
            config = volume.get("configMap", {}).get("name")
            if config and ("ConfigMap", config) not in named:
                found.append(f"there is no ConfigMap {config}")
        for container in containers(spec):
            own = {port.get("name") for port in container.get("ports", [])}
            ports |= own
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes:
                    found.append(f"there is no volume {mount['name']}")
            for probe in PROBES:
                port = container.get(probe, {}).get("tcpSocket", {}).get("port")
                if isinstance(port, str) and port not in own:
                    found.append(f"{probe}: there is no port {port}")
    for resource in resources:
        if resource["kind"] != "Service":
            continue
        selector = resource["spec"]["selector"]
        if not any(selector.items() <= label.items() for label in labels):
            found.append(f"the service selects no pod: {selector}")
        for port in resource["spec"]["ports"]:
            if port["targetPort"] not in ports:
                found.append(f"the service: there is no port {port['targetPort']}")
    return found


def safety_faults(spec):
    """What docs/kubernetes.md promises of each container."""
    found = []
    shared = spec.get("securityContext", {})
    if shared.get("runAsNonRoot") is not True or not shared.get("runAsUser"):
        found.append("the pod may run as root")
    if shared.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        found.append("the pod has no seccomp profile")
    if spec.get("automountServiceAccountToken") is not False:
        found.append("the pod has a token of the cluster")
    for container in containers(spec):
        name, own = container["name"], container.get("securityContext", {})
        if own.get("readOnlyRootFilesystem") is not True:
            found.append(f"{name}: its root file system can be written to")
        if own.get("allowPrivilegeEscalation") is not False:
            found.append(f"{name}: it can gain privileges")
        if own.get("capabilities") != {"drop": ["ALL"]}:
            found.append(f"{name}: it has capabilities")
        resources = container.get("resources", {})
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
            found.append(f"{name}: it requests no processor or memory")
        if "memory" not in resources.get("limits", {}):
            found.append(f"{name}: its memory has no limit")
    return found


def commands(container):
    """Returns the arguments of the program in a container: its own, and those of its probes."""
    yield container.get("args", [])
    for probe in PROBES:
        command = container.get(probe, {}).get("exec", {}).get("command", [])
        if command[:1] == [PROGRAM]:
            yield command[1:]


def option_faults(program, container):
    """Lets the program parse the options: an option after them must be the first that it refuses."""
    if not container["image"].startswith(IMAGE):
        return []
    found = []
    for arguments in commands(container):
        run = subprocess.run(
            [program, *arguments, UNKNOWN], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if run.returncode != 2 or f"unexpected argument '{UNKNOWN}'" not in run.stderr:
            found.append(f"{container['name']}: {run.stderr.strip()}")
    return found


def socket_faults(spec):
    """The socket of a sidecar: its probes, the containers that use it, and the room of its maps."""
    found = []
    for sidecar in spec.get("initContainers", []):
        arguments = sidecar.get("args", [])
        if arguments[:1] != ["sidecar"]:
            continue
        name = sidecar["name"]
        options = dict(word.split("=", 1) for word in arguments if "=" in word)
        socket = options.get("--socket", "")
        if sidecar.get("restartPolicy") != "Always":
            found.append(f"{name}: the containers after it would wait for its end")
        for probe in ["startupProbe", "livenessProbe"]:
            command = sidecar.get(probe, {}).get("exec", {}).get("command")
            if command != [PROGRAM, "sidecar", "--check", socket]:
                found.append(f"{name}: {probe} does not check {socket}: {command}")
        mounts = {mount["name"]: mount for mount in sidecar.get("volumeMounts", [])}
        folders = {each["mountPath"]: each["name"] for each in mounts.values()}
        volume = folders.get(socket.rsplit("/", 1)[0])
        if volume is None or mounts[volume].get("readOnly"):
            found.append(f"{name}: the folder of {socket} is no volume that can be written to")
        for container in spec["containers"]:
            if volume not in {mount["name"] for mount in container.get("volumeMounts", [])}:
                found.append(f"{container['name']}: it does not see {socket}")
        bytes_of_maps = int(options["--max-maps"]) * quantity(options["--max-bytes"].removesuffix("B"))
        bytes_of_connections = int(options["--max-connections"]) * CONNECTION_BYTES
        if bytes_of_maps + bytes_of_connections + PROGRAM_BYTES > quantity(sidecar["resources"]["limits"]["memory"]):
            found.append(f"{name}: its maps and connections do not fit into its memory limit")
    return found


def room_faults(program, spec):
    """Lets `localmap doctor` judge the options of `serve` by the limits of its container."""
    found = []
    for container in spec["containers"]:
        arguments = container.get("args", [])
        if not container["image"].startswith(IMAGE) or arguments[:1] != ["serve"]:
            continue
        limits = container.get("resources", {}).get("limits", {})
        if not {"cpu", "memory"} <= limits.keys():
            found.append(f"{container['name']}: its processors or its memory have no limit")
            continue
        with tempfile.TemporaryDirectory() as root:
            for name, text in {
                "proc/self/cgroup": "0::/\n",
                "proc/self/mountinfo": "1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
                "proc/self/status": "Cpus_allowed_list:\t0-63\n",
                "proc/sys/vm/max_map_count": "65530\n",
                "proc/sys/vm/overcommit_memory": "0\n",
                "proc/self/limits": LIMITS,
                "proc/meminfo": "MemTotal: 67108864 kB\nMemAvailable: 67108864 kB\nSwapFree: 0 kB\n",
                "sys/fs/cgroup/memory.max": str(quantity(limits["memory"])),
                "sys/fs/cgroup/cpu.max": f"{int(quantity(limits['cpu']) * 100_000)} 100000",
            }.items():
                path = Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            run = subprocess.run(
                [program, "doctor", "--json", "--root", root, *doctor_options(arguments)],
                capture_output=True,
                text=True,
            )
        if run.returncode == 0:
            continue
        if not run.stdout:
            found.append(f"{container['name']}: {run.stderr.strip()}")
            continue
        for finding in json.loads(run.stdout)["findings"]:
            if finding["level"] != "note":
                found.append(f"{container['name']}: {finding['setting']}: {finding['text']}")
    return found


def doctor_options(arguments):
    """Returns the options of `serve` that `doctor` has too."""
    options = [
        argument
        for argument in arguments
        if argument.startswith(("--workers=", "--max-maps=", "--max-bytes="))
    ]
    for option, value in zip(arguments, arguments[1:]):
        if option == "-W":
            sizes = [part for part in value.split(",") if part.startswith("max-memory-size=")]
            options += [word for size in sizes for word in ["-W", size]]
    return options


def quantity(text):
    """Parses a quantity such as 512Mi, 100m or 2."""
    text = str(text)
    for suffix, factor in {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}.items():
        if text.endswith(suffix):
            return int(text.removesuffix(suffix)) * factor
    if text.endswith("m"):
        return int(text.removesuffix("m")) / 1000
    return float(text)


def planted_in_sidecar(resources):
    """Yields copies of the resources of a sidecar with one mistake each, and a word of the fault."""

    def sidecar(change):
        copies = copy.deepcopy(resources)
        spec = next(pod(resource) for resource in copies if pod(resource))
        change(spec, spec["initContainers"][-1])
        return copies

    def check(probe, command):
        return sidecar(lambda _, maps: maps[probe]["exec"].update(command=command))

    yield "wait for its end", sidecar(lambda _, maps: maps.pop("restartPolicy"))
    yield "startupProbe does not", check("startupProbe", [PROGRAM, "sidecar", "--check", "/other"])
    yield "--chek", check("livenessProbe", [PROGRAM, "sidecar", "--chek", "/run/localmap/maps.sock"])
    yield "does not see", sidecar(lambda spec, _: spec["containers"][0].pop("volumeMounts"))
    yield "no volume that", sidecar(lambda _, maps: maps["volumeMounts"][-1].update(readOnly=True))
    yield "--max-map'", sidecar(lambda _, maps: maps["args"].append("--max-map=1"))
    yield "memory limit", sidecar(lambda _, maps: maps["resources"]["limits"].update(memory="400Mi"))
    # Probes of gRPC reach ports alone.
    yield "'port' is", sidecar(
        lambda _, maps: maps.update(livenessProbe={"grpc": {"service": "localmap"}})
    )


def planted_in_server(resources):
    """Yields copies of the resources of a server with one mistake each, and a word of the fault."""

    def changed(kind, change):
        copies = copy.deepcopy(resources)
        change(next(resource for resource in copies if resource["kind"] == kind))
        return copies

    def deployment(change):
        return changed("Deployment", lambda resource: change(pod(resource)))

    def serve(change):
        return deployment(lambda spec: change(spec["containers"][0]))

    def replaced(old, new):
        def change(container):
            assert old in container["args"], old
            container["args"] = [new if word == old else word for word in container["args"]]

        return serve(change)

    yield "replica", changed("Deployment", lambda it: it["spec"].update(replica=1))
    yield "five", serve(lambda it: it["lifecycle"]["preStop"]["sleep"].update(seconds="five"))
    yield "medum", deployment(lambda it: it["volumes"][-1]["emptyDir"].update(medum="Memory"))
    yield "'match' was", changed("Deployment", lambda it: it["spec"]["selector"].update(match={}))
    yield "does not select", changed(
        "Deployment", lambda it: it["spec"]["selector"]["matchLabels"].update(tier="other")
    )
    yield "no port", changed("Service", lambda it: it["spec"]["ports"][0].update(targetPort="web"))
    yield "no pod", changed("Service", lambda it: it["spec"]["selector"].update(tier="other"))
    yield "no volume", deployment(lambda it: it["volumes"].pop())
    yield "no ConfigMap", changed("ConfigMap", lambda it: it["metadata"].update(name="other"))
    yield "as root", deployment(lambda it: it["securityContext"].pop("runAsNonRoot"))
    yield "seccomp", deployment(lambda it: it["securityContext"].pop("seccompProfile"))
    yield "token", deployment(lambda it: it.pop("automountServiceAccountToken"))
    yield "written to", serve(lambda it: it["securityContext"].pop("readOnlyRootFilesystem"))
    yield "capabilities", serve(lambda it: it["securityContext"]["capabilities"].update(add=["ALL"]))
    yield "no limit", serve(lambda it: it["resources"]["limits"].pop("memory"))
    yield "--max-map'", replaced("--max-maps=100", "--max-map=100")
    yield "lots", replaced("--max-bytes=1MiB", "--max-bytes=lots")
    yield "tenant:", replaced("--map-scope=header:x-tenant", "--map-scope=tenant:x")
    yield "memory limit", serve(lambda it: it["resources"]["limits"].update(memory="64Mi"))
    yield "cpu quota", serve(lambda it: it["resources"]["limits"].update(cpu="500m"))


PLANTED = {"serve.yaml": planted_in_server, "sidecar.yaml": planted_in_sidecar}


def main(program, paths):
    failed = False
    for path in paths:
        resources = read(path)
        found = faults(program, resources)
        failed |= bool(found)
        print(f"{path}: {len(resources)} resources, {len(found)} faults")
        for fault in found:
            print(f"  {fault}")
    if failed:
        return 1
    count = 0
    mistakes = [
        mistake
        for path in paths
        for mistake in PLANTED[Path(path).name](read(path))
    ]
    for word, resources in mistakes:
        count += 1
        found = faults(program, resources)
        if not any(word in fault for fault in found):
            print(f"NOT FOUND: the planted mistake `{word}`, but {found}")
            failed = True
    print(f"{count} planted mistakes, each found" if not failed else "FAILED")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
