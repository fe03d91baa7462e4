# awk -f make.awk > hour.csv: an hour of the example's signals, a row every 5 s.
# The level rises by 2.5 m in half an hour and falls again; a cloud of gas passes after 40 minutes; the temperature swings below its limit.
BEGIN {
    print "time,LT101,GT101,TT101"
    for (t = 0; t < 3600; t += 5) {
        level = t < 1800 ? 8 + t / 720 : 10.5 - (t - 1800) / 720
        gas = 3 + 30 * exp(-((t - 2400) / 240) ^ 2)
        temperature = 37 + 2.5 * sin(t / 300)
        printf "2026-11-21 20:%02d:%02d,%.3f,%.2f,%.2f\n", t / 60, t % 60, level, gas, temperature
    }
}
