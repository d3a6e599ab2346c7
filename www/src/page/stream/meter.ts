// Frame rate and latency, measured over the last frames.

import type { Meter } from '../state';

const KEPT = 30;

export class StreamMeter {
  private drawn: { at: number; latency: number }[] = [];

  restart(): void {
    this.drawn = [];
  }

  /** A frame that was grabbed at `grabbed` has been given to the stage with its masks. */
  count(grabbed: number): Meter | null {
    const at = performance.now();
    this.drawn = [...this.drawn.slice(1 - KEPT), { at, latency: at - grabbed }];
    if (this.drawn.length < 2) return null;
    const latencies = this.drawn.map(({ latency }) => latency).sort((a, b) => a - b);
    return {
      frames_per_second: (1000 * (this.drawn.length - 1)) / (at - this.drawn[0]!.at),
      latency_ms: latencies[latencies.length >> 1]!,
    };
  }
}
