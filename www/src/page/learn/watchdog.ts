// Says when somebody who should be heard of again and again is silent for too long.

/** Silence that is too long is so many times the longest so far. */
const TIMES = 20;

export class Watchdog {
  private silent = 0;
  private longest = 0;
  private readonly timer: ReturnType<typeof setInterval>;

  /**
   * `least` ticks of silence are never too long. Ticks are counted and not the time, for on a machine that slept nothing was heard
   * either.
   */
  constructor(private readonly least: number, onSilence: () => void, tick_ms = 1000) {
    this.timer = setInterval(() => {
      if (++this.silent > Math.max(this.least, TIMES * this.longest)) {
        this.end();
        onSilence();
      }
    }, tick_ms);
  }

  heard(): void {
    this.longest = Math.max(this.longest, this.silent);
    this.silent = 0;
  }

  end(): void {
    clearInterval(this.timer);
  }
}
