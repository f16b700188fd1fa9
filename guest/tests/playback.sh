# What is played is what the device hears: both audio classes, each rate. The host compares.
for card in Headset Speaker; do wait_for 60 grep -q $card /proc/asound/cards || fail "no sound card $card"; done
play() {
    aplay -q -D "hw:$1" -t raw -f S16_LE -c 2 -r "$2" "/tests/$2.raw" 2>/tmp/aplay || fail "aplay $1 $2: $(head -n 1 /tmp/aplay)"
}
for rate in 44100 48000 96000; do play Headset $rate; done
for rate in 44100 48000; do play Speaker $rate; done
