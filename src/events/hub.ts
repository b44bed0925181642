import type { Event } from './event.ts';
export class EventHub {
  subscribers = 0;
  announced = 0;
  dropped = 0;
  constructor(_options: unknown) {}
  announce(events: readonly Event[]): void {
    this.announced += events.length;
  }
  close(): void {}
}
