"""Runs the containers of a manifest from the files of the image alone: python containers.py IMAGE FILE

IMAGE is the root folder of the image. Each container has a mount namespace of its own, a root file
system that cannot be written to, the volumes of the pod, and the user of the pod. Needs root.
"""

import contextlib
import http.client
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

PATIENCE = 60


def command(image, spec, container, volumes, arguments):
    """Returns a command that runs a container until it ends."""
    mounts = [
        f"mount --bind -o ro '{image}' '{image}' && mount -o remount,bind,ro '{image}'",
        f"mount -t proc proc '{image}/proc'",
    ]
    for mount in container["volumeMounts"]:
        target = f"{image}{mount['mountPath']}"
        mounts.append(f"mount --bind '{volumes[mount['name']]}' '{target}'")
        if mount.get("readOnly"):
            mounts.append(f"mount -o remount,bind,ro '{target}'")
    user = spec["securityContext"]
    return [
        "unshare",
        "--mount",
        "sh",
        "-c",
        " && ".join([*mounts, 'image=$1 && shift && exec chroot "$@"']),
        "sh",
        image,
        f"--userspec={user['runAsUser']}:{user['runAsGroup']}",
        image,
        "/usr/bin/localmap",
        *arguments,
    ]


def main(image, path):
    image = str(Path(image).resolve())
    resources = list(yaml.safe_load_all(Path(path).read_text()))
    by_kind = {resource["kind"]: resource for resource in resources}
    spec = by_kind["Deployment"]["spec"]["template"]["spec"]
    folder = tempfile.mkdtemp()
    try:
        return run(image, by_kind, spec, Path(folder))
    finally:
        shutil.rmtree(folder)


def run(image, by_kind, spec, folder):
    volumes = {}
    for volume in spec["volumes"]:
        own = folder / volume["name"]
        own.mkdir()
        volumes[volume["name"]] = own
        if "configMap" in volume:
            # Kubernetes replaces all files at a time, by renaming a link to their folder.
            (own / "..version").mkdir()
            (own / "..data").symlink_to("..version")
            for name, text in by_kind["ConfigMap"]["data"].items():
                (own / "..version" / name).write_text(text)
                (own / name).symlink_to(f"..data/{name}")
        else:
            # As Kubernetes does with fsGroup.
            shutil.chown(own, 0, spec["securityContext"]["fsGroup"])
            own.chmod(0o2775)
    folder.chmod(0o755)
    all_containers = spec.get("initContainers", []) + spec["containers"]
    paths = [mount["mountPath"] for each in all_containers for mount in each["volumeMounts"]]
    for path in ["/proc", *paths]:
        Path(image + path).mkdir(parents=True, exist_ok=True)

    for container in all_containers:
        if not container["image"].startswith("localmap:"):
            continue

        def inside(arguments, container=container):
            return command(image, spec, container, volumes, arguments)

        if container["args"][0] == "serve":
            run_server(container, inside)
        elif container.get("restartPolicy") == "Always":
            run_sidecar(container, inside)
        else:
            # Kubernetes may run it again.
            for _ in range(2):
                line = inside(container["args"])
                subprocess.run(line, check=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
            print(f"{container['name']}: it ends, also the second time")


def run_server(container, inside):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [
        {"--addr": f"--addr=127.0.0.1:{port}", "--admin": "--admin=127.0.0.1:0"}.get(
            word.split("=")[0], word
        )
        for word in container["args"]
    ]
    with started(inside(arguments)) as server:
        wait_for(server, lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close())
        answers_requests(port)
        ends(server)
    print(f"{container['name']}: it answers, and ends with 0")


def run_sidecar(container, inside):
    def probe(name):
        # Without the path of the program, which `inside` adds.
        line = inside(container[name]["exec"]["command"][1:])
        run = subprocess.run(line, capture_output=True, timeout=PATIENCE, text=True)
        if run.returncode != 0:
            raise OSError(run.stderr)

    with started(inside(container["args"])) as sidecar:
        wait_for(sidecar, lambda: probe("startupProbe"))
        probe("livenessProbe")
        # It ends as if its node did, and starts again where its socket is left.
        sidecar.kill()
        sidecar.wait(PATIENCE)
    try:
        probe("livenessProbe")
    except OSError:
        pass
    else:
        raise AssertionError("a sidecar that was killed seems to live")
    with started(inside(container["args"])) as sidecar:
        wait_for(sidecar, lambda: probe("startupProbe"))
        ends(sidecar)
    print(f"{container['name']}: its probes succeed while it lives, and it ends with 0")


@contextlib.contextmanager
def started(line):
    with subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process, succeeds):
    """Waits as a startup probe does."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return succeeds()
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise AssertionError(process.stderr.read()) from None
            time.sleep(0.05)


def ends(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0, process.stderr.read()


def answers_requests(port):
    def status(headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("GET", "/", headers=headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status, response.getheader("ratelimit-remaining")

    same = status({}), status({"x-tenant": "a"}), status({"x-tenant": "a"}), status({"x-tenant": "b"})
    assert same == ((400, None), (200, "99"), (200, "98"), (200, "99")), same


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
