# What the device sends is what is recorded, at each rate. The host compares.
wait_for 60 grep -q Headset /proc/asound/cards || fail "no sound card Headset"
# As it is, without carriage returns.
stty raw </dev/ttyS1
for rate in 44100 48000 96000; do
    arecord -q -D hw:Headset -t raw -f S16_LE -c 2 -r $rate -s $((rate / 2)) /tmp/capture.raw 2>/tmp/arecord ||
        fail "arecord $rate: $(head -n 1 /tmp/arecord)"
    say "capture $rate $(wc -c </tmp/capture.raw)"
    cat /tmp/capture.raw >/dev/ttyS1
done
