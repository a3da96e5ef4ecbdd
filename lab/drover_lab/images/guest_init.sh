#!/bin/sh
# The whole operating system of a guest: mounts its data, ticks once a second, answers HTTP, obeys the power button.
# Runs as process 1 from the initramfs, under busybox.

/bin/busybox --install -s /bin
export PATH=/bin
JOURNAL=/data/var/log/tick.journal
PORT=8080

say() { echo "drover-guest: $*" >/dev/console; }

load() { # $1: a list of modules, in the order in which they need each other
    while read -r module; do
        insmod "/lib/modules/$module" 2>/dev/null
    done <"/lib/modules/$1"
}

find_label() { # $1: label, $2: tenths of a second to wait for it
    tries=$2
    while [ "$tries" -gt 0 ]; do
        device=$(findfs "LABEL=$1" 2>/dev/null) && return 0
        tries=$((tries - 1))
        usleep 100000
    done
    return 1
}

mount_data() {
    find_label drover-data 20 || { load other; find_label drover-data 600; } || { say "no disk labelled drover-data"; return 1; }
    mount -t ext4 -o noatime "$device" /data || { say "cannot mount $device"; return 1; }
    . /data/etc/machine.conf
    hostname "$NAME"
    if [ -n "$SECOND_DISK" ]; then
        find_label "$SECOND_DISK" 100 && mount -t ext4 -o noatime "$device" /data/srv/more || say "no second disk"
    fi
}

# What follows runs for as long as the guest does, so it starts few programs: most of an idle guest's CPU, where it is
# emulated, goes into starting them.

first_adapter() {
    for found in /sys/class/net/*; do
        [ "${found##*/}" = lo ] || { echo "${found##*/}"; return; }
    done
}

# Whatever the hypervisor calls it, the first Ethernet adapter gets the address, also when it comes late or again.
keep_network() {
    rest_loaded=no
    while :; do
        adapter=$(first_adapter)
        if [ -z "$adapter" ]; then
            [ "$rest_loaded" = no ] && load other && rest_loaded=yes
        else
            case $(ip -4 address show dev "$adapter") in
            *"inet $ADDRESS"*) ;;
            *)
                ip link set "$adapter" up && ip address add "$ADDRESS" dev "$adapter" && say "$ADDRESS on $adapter"
                arping -U -c 1 -I "$adapter" "${ADDRESS%/*}" >/dev/null 2>&1
                ;;
            esac
        fi
        sleep 5
    done
}

# One line "<number> <seconds since the epoch>" at the beginning of every second, on the disk before the next.
keep_ticking() {
    # A line that a power cut tore has no second number; counting goes on after the last whole one.
    n=$(grep -E '^[0-9]+ [0-9]+$' "$JOURNAL" 2>/dev/null | tail -n 1 | cut -d ' ' -f 1)
    n=${n:-0}
    [ -s "$JOURNAL" ] && [ -n "$(tail -c 1 "$JOURNAL")" ] && echo >>"$JOURNAL"
    while :; do
        now=$EPOCHREALTIME
        usleep $((2000001 - 1${now#*.}))
        n=$((n + 1))
        { echo "$n $EPOCHSECONDS" >>"$JOURNAL" && sync "$JOURNAL"; } 2>/dev/null
    done
}

# Serves one connection: run by nc, with the connection as input and output.
answer() {
    read -r method path rest
    while read -r line && [ "${line%?}" != "" ]; do :; done
    case "$path" in
    /health)
        read -r uptime rest </proc/uptime
        last=$(tail -n 1 "$JOURNAL")
        age=$(($(date +%s) - ${last#* }))
        status=ok code='200 OK'
        # Just after a boot the last tick is from before it.
        [ "$age" -gt 10 ] && [ "${uptime%%.*}" -gt 10 ] && status=stalled code='503 Service Unavailable'
        body="{\"status\":\"$status\",\"name\":\"$(hostname)\",\"uptime\":$uptime,\"tick\":${last%% *}}"
        printf 'HTTP/1.0 %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s\n' \
            "$code" $((${#body} + 1)) "$body"
        ;;
    /journal)
        printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n'
        cat "$JOURNAL"
        ;;
    /files)
        # From the disk, not from what memory keeps of it: a machine that moved while it ran took that along.
        sync
        echo 3 >/proc/sys/vm/drop_caches
        printf 'HTTP/1.0 200 OK\r\nContent-Type: application/x-tar\r\n\r\n'
        tar -cf - -C /data .
        ;;
    *)
        printf 'HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n'
        ;;
    esac
}

# A device of an ACPI power button stays silent until it is pressed.
watch_buttons() {
    for input in /sys/class/input/event*; do
        [ "$(cat "$input/device/name" 2>/dev/null)" = "Power Button" ] || continue
        { dd "if=/dev/input/${input##*/}" of=/dev/null bs=24 count=1 2>/dev/null && echo pressed >/run/power; } &
    done
}

shut_down() {
    say "shutting down"
    kill "$ticking" "$serving" "$networking" 2>/dev/null
    wait "$ticking" 2>/dev/null
    sync
    for attempt in 1 2 3 4 5; do
        umount /data/srv/more 2>/dev/null
        umount /data 2>/dev/null && break
        usleep 300000
    done
    grep -q ' /data ' /proc/mounts && mount -o remount,ro /data
    sync
    poweroff -f
}

[ "$1" = answer ] && { answer; exit; }

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mkfifo /run/power
load first
ip link set lo up
if mount_data; then
    keep_ticking & ticking=$!
    keep_network & networking=$!
    nc -ll -p "$PORT" -e /answer & serving=$!
    say "$NAME is up"
fi
watch_buttons
read -r _ <>/run/power
shut_down
