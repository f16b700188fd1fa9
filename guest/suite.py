"""Runs guests and checks what they saw against what the server saw. Started by `guest/run`."""

import argparse
import contextlib
import math
import os
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import wave
from pathlib import Path

HERE = Path(__file__).parent
RATES = (44100, 48000, 96000)
FULL = ["enumerate", "keyboard", "hotplug", "rebind", "suspend", "runtime"]
# The guest's processor is emulated: so that it keeps up with a frame each millisecond, time is slowed down for both.
AUDIO = ["playback", "capture", "disk"]
SHORT = ["enumerate", "keyboard", "disk"]

# Of USB 2 and USB 3: what a root hub of Linux can have. Linux 7.3.4 drops a protocol with ports beyond the 127th, which
# are both of a large controller; with all of USB 2 below, its stack overflows (usb_hcd_poll_rh_status).
LARGE_PORTS = (31, 15)


class Device:
    """A device of the server, and what the guest is to see of it; the product with _ for spaces."""

    def __init__(self, spec, path, megabits, product):
        self.spec, self.path, self.megabits, self.product = spec, path, megabits, product


def plugged(run, disks):
    """All devices of a run. Disks are on files, so that they last longer than the server."""
    first_super = {"strict": 9, "large": LARGE_PORTS[0] + 1}.get(run.profile, 7)
    devices = [
        Device("uac2,port=1", "1-1", 480, "Headset"),
        Device("uac1,port=2", "1-2", 12, "Speaker"),
        Device("hub,port=3", "1-3", 480, "Hub"),
        Device("keyboard,port=4", "1-4", 12, "Keyboard"),
        Device(f"disk,file={disks[1]},port=5", "1-5", 480, "Disk"),
    ]
    # Its eight slots are taken.
    if run.profile != "strict":
        devices.append(Device("keyboard,port=3.1", "1-3.1", 12, "Keyboard"))
    return devices + [
        Device(f"disk,file={disks[0]},speed=super,port={first_super}", "2-1", 5000, "Disk"),
        Device(f"hub,speed=super,port={first_super + 1}", "2-2", 5000, "SuperSpeed_Hub"),
        Device(f"disk,speed=super,port={first_super + 1}.1", "2-2.1", 5000, "Disk"),
    ]


class Run:
    """One boot, or several by the guest's own reboot, of one guest against one server."""

    def __init__(self, name, tests, profile="default", boots=1, slow_down=1, interrupts="msix"):
        self.name, self.kernel, self.tests = name, name.partition("-")[0], tests
        self.profile, self.boots, self.slow_down, self.interrupts = profile, boots, slow_down, interrupts


# What matters most comes first: a gate may have no time for all.
RUNS = [
    Run("7.3", FULL),
    Run("7.3-audio", AUDIO, slow_down=8),
    Run("7.3-strict", SHORT, profile="strict", slow_down=4),
    Run("6.12", FULL),
    Run("6.12-audio", AUDIO, slow_down=8),
    Run("7.3-intx", SHORT, interrupts="intx", slow_down=4),
    Run("7.3-msi", SHORT, interrupts="msi", slow_down=4),
    Run("7.3-large", SHORT, profile="large", slow_down=4),
    Run("7.3-reboot", ["enumerate"], boots=3),
]


def song(rate):
    """Half a second of 16-bit stereo, different in every sample."""
    frames = ((i * 7919 % 65521 - 32760, int(20000 * math.sin(i / 17))) for i in range(rate // 2))
    return b"".join(struct.pack("<hh", left, right) for left, right in frames)


def make_audio(folder):
    """The songs as the guest plays them.

    Silence follows: snd-usb-audio ends a drained stream while it fills an URB, and drops that URB.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for rate in RATES:
        (folder / f"{rate}.raw").write_bytes(song(rate) + bytes(4 * (rate // 5)))


class Guest:
    """QEMU with its console, the server, and the folder of their logs."""

    def __init__(self, options, run, folder):
        self.options, self.run, self.folder = options, run, folder
        self.cache, self.root = options.cache, options.cache / "root"
        self.shared = self.root / "run/xhci-lab"
        self.failures, self.passed = [], []
        # Rate and bytes of the recordings that come over the second serial port, in this order.
        self.captured = []
        self.processes = []

    def start_server(self):
        self.shared.mkdir(parents=True, exist_ok=True)
        for name in ("socket", "control"):
            (self.shared / name).unlink(missing_ok=True)
        disks = []
        for name in ("a", "b"):
            path = self.folder / f"disk-{name}.img"
            path.write_bytes(b"")
            os.truncate(path, 64 << 20)
            disks.append(path)
        self.devices = plugged(self.run, disks)
        command = [self.options.lab, "serve", "-v", "--socket", self.shared / "socket",
                   "--control", self.shared / "control", "--profile", self.run.profile,
                   "--interrupts", self.run.interrupts, "--slow-down", str(self.run.slow_down),
                   "--event-log", self.folder / "events.log", "--log", self.options.log,
                   "--pcapng", self.folder / "packets.pcapng", "--record", self.folder / "record"]
        if self.run.profile == "large":
            command += ["--ports", ",".join(map(str, LARGE_PORTS))]
        for device in self.devices:
            command += ["--device", device.spec]
        self.server = subprocess.Popen(command, stderr=open(self.folder / "server.log", "w"))
        self.processes.append(self.server)
        wait_until(lambda: (self.shared / "socket").exists(), 10, "the server's socket")

    def control(self, words):
        """Carries out a command of the guest; the answer for its console."""
        command = [self.options.lab, words[0], "--control", self.shared / "control", *words[1:]]
        done = subprocess.run(command, capture_output=True, text=True)
        return "done" if done.returncode == 0 else f"failed {done.stderr.strip()}"

    def boot(self):
        modules = next((self.cache / "kernels" / self.run.kernel / "usr/lib/modules").iterdir())
        shutil.copy(modules / "vmlinuz", self.shared / "vmlinuz")
        shutil.copy(self.cache / f"initramfs-{self.run.kernel}", self.shared / "initramfs")
        device = '{"driver":"vfio-user-pci","socket":{"type":"unix","path":"/run/xhci-lab/socket"}}'
        seen = ",".join(f"{device.path}:{device.megabits}:{device.product}" for device in self.devices)
        append = (f"console=ttyS0 panic=-1 quiet tests={','.join(self.run.tests)} boots={self.run.boots} "
                  f"devices={seen} interrupts={self.run.interrupts}")
        # The mounts are gone with QEMU: nobody who clears the cache away is to meet the machine's /dev in it.
        enter = 'mount -t proc none "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" "$@"'
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", enter, self.root,
                   *self.slow_clock(), "qemu-system-x86_64",
                   "-machine", "q35,memory-backend=m", "-object", "memory-backend-memfd,id=m,size=512M,share=on",
                   "-accel", "tcg,thread=multi", "-smp", "1", "-m", "512", "-nographic", "-nodefaults",
                   *([] if self.run.boots > 1 else ["-no-reboot"]),
                   "-serial", "stdio", "-serial", "file:/run/xhci-lab/serial",
                   "-kernel", "/run/xhci-lab/vmlinuz", "-initrd", "/run/xhci-lab/initramfs",
                   "-append", append, "-device", device]
        (self.shared / "serial").unlink(missing_ok=True)
        console = open(self.folder / "console.log", "ab")
        self.qemu = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=console)
        self.processes.append(self.qemu)
        self.follow(console)
        if (self.shared / "serial").exists():
            shutil.copy(self.shared / "serial", self.folder / "serial")

    def slow_clock(self):
        """The guest's clocks slow down with the server's: else its drivers give up waiting for what comes in time."""
        if self.run.slow_down == 1:
            return []
        return ["env", "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
                f"FAKETIME=+0 x{1 / self.run.slow_down}"]

    def follow(self, console):
        """Reads the console, answers the guest, collects verdicts, until the guest ends or takes too long."""
        selector = selectors.DefaultSelector()
        selector.register(self.qemu.stdout, selectors.EVENT_READ)
        rest, ended = b"", 0
        deadline = time.monotonic() + self.options.boot_seconds
        while ended < self.run.boots:
            if time.monotonic() > deadline:
                self.failures.append(f"boot {ended + 1} takes more than {self.options.boot_seconds} s")
                break
            if not selector.select(timeout=1):
                continue
            chunk = os.read(self.qemu.stdout.fileno(), 65536)
            if not chunk:
                break
            console.write(chunk)
            console.flush()
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if self.take(line.decode(errors="replace").strip()):
                    ended += 1
                    deadline = time.monotonic() + self.options.boot_seconds
        if ended < self.run.boots and not self.failures:
            self.failures.append(f"the guest ended early, in boot {ended + 1}")
        if self.run.boots > 1:
            self.qemu.kill()
        if self.qemu.poll() is None:
            try:
                self.qemu.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.qemu.kill()
                self.qemu.wait()

    def take(self, line):
        at = line.find("@")
        word, _, text = line[at + 1:].partition(" ") if at >= 0 else ("", "", "")
        if word == "ok":
            self.passed.append(text)
            print(f"  ok   {self.run.name} {text}", flush=True)
        elif word == "fail":
            self.failures.append(text)
            print(f"  FAIL {self.run.name} {text}", flush=True)
        elif word == "info":
            print(f"       {self.run.name} {text}", flush=True)
        elif word == "host":
            self.type(self.control(text.split()))
        elif word == "wake":
            threading.Timer(float(text), self.type, ["wake"]).start()
        elif word == "capture":
            rate, size = text.split()
            self.captured.append((int(rate), int(size)))
        return word == "end"

    def type(self, line):
        """Types a line on the guest's console; a guest that is gone misses it."""
        with contextlib.suppress(OSError, ValueError):
            self.qemu.stdin.write((line + "\n").encode())
            self.qemu.stdin.flush()

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
        if getattr(self, "server", None) is not None and self.server.returncode != 0:
            self.failures.append(f"the server ended with {self.server.returncode}")

    def compare_audio(self):
        """What the devices heard holds what was played, whole."""
        if "playback" not in self.run.tests:
            return
        heard = {}
        for path in sorted((self.folder / "record").glob("port-*.wav")):
            port = path.name.split("-")[1].split(".")[0]
            with wave.open(str(path)) as recording:
                key = (port, recording.getframerate())
                heard[key] = heard.get(key, b"") + recording.readframes(recording.getnframes())
        for port, name, rates in (("1", "Headset", RATES), ("2", "Speaker", RATES[:2])):
            for rate in rates:
                if song(rate) not in heard.get((port, rate), b""):
                    self.failures.append(f"playback: the {name} did not hear at {rate} Hz what was played")

    def compare_capture(self):
        """What was recorded is an unbroken piece of what the microphone gives: a ramp."""
        data = (self.folder / "serial").read_bytes() if self.captured else b""
        for rate, size in self.captured:
            frames, data = data[:size - size % 4], data[size:]
            left = [sample for sample, in struct.iter_unpack("<h2x", frames)]
            steps = {(b - a) & 0xFFFF for a, b in zip(left, left[1:])}
            if len(left) < rate // 2 or len(steps) != 1:
                self.failures.append(f"capture: {len(left)} frames at {rate} Hz with steps {sorted(steps)[:5]}")


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def go_first(run):
    """On a busy machine a guest that waits for its turn misses frames: it and the server go before others."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
        policy, priority = (os.SCHED_RR, 1) if run.slow_down > 1 else (os.SCHED_OTHER, 0)
        os.sched_setscheduler(0, policy, os.sched_param(priority))


def perform(options, run):
    folder = Path(tempfile.mkdtemp(prefix=f"xhci-guest-{run.name}-"))
    guest = Guest(options, run, folder)
    started = time.monotonic()
    go_first(run)
    try:
        guest.start_server()
        guest.boot()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        guest.failures.append(str(error))
    finally:
        guest.stop()
    guest.compare_audio()
    guest.compare_capture()
    seconds = time.monotonic() - started
    if guest.failures:
        print(f"FAIL {run.name} ({seconds:.0f} s): console, packets, event log and server log are in {folder}")
        for failure in guest.failures:
            print(f"     {failure}")
    else:
        print(f"ok   {run.name}: {len(guest.passed)} tests in {seconds:.0f} s")
        if not options.keep:
            shutil.rmtree(folder)
    return guest


def main():
    parser = argparse.ArgumentParser(prog="guest/run")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--kernel", action="append", choices=["7.3", "6.12"], help="only runs of this kernel")
    parser.add_argument("--run", action="append", choices=[run.name for run in RUNS], help="only this run")
    parser.add_argument("--test", action="append", choices=FULL + AUDIO, help="only these tests")
    parser.add_argument("--boot-seconds", type=int, default=420, help="how long one boot may take")
    parser.add_argument("--minutes", type=float, default=20, help="no run is begun after that")
    parser.add_argument("--log", default="summary", choices=["summary", "full"], help="how much the event log holds")
    parser.add_argument("--keep", action="store_true", help="keep the logs of what passed")
    options = parser.parse_args()
    make_audio(options.cache / "pcm")
    for kernel in ("7.3", "6.12"):
        subprocess.run([HERE / "initramfs", options.cache, kernel, options.cache / f"initramfs-{kernel}"], check=True)
    started, passed, failed, skipped = time.monotonic(), 0, 0, 0
    for run in RUNS:
        if options.run and run.name not in options.run or options.kernel and run.kernel not in options.kernel:
            continue
        if options.test:
            run.tests = [test for test in run.tests if test in options.test]
        if time.monotonic() - started > options.minutes * 60 or not run.tests:
            skipped += len(run.tests)
            print(f"skip {run.name}")
            continue
        guest = perform(options, run)
        passed += len(guest.passed)
        failed += len(guest.failures)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
