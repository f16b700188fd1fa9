# What the device sends is what is recorded. The host compares.
for card in Headset Speaker; do wait_for 60 grep -q $card /proc/asound/cards || fail "no sound card $card"; done
arecord -q -D hw:Headset -t raw -f S16_LE -c 2 -r 48000 -s 24000 /tmp/capture.raw 2>/tmp/arecord ||
    fail "arecord: $(head -n 1 /tmp/arecord)"
say "capture $(wc -c </tmp/capture.raw)"
cat /tmp/capture.raw >/dev/ttyS1
