import type { Bus } from './bus.ts';

/** A decorator: forwards every step to another bus. Subclasses override some of them. */
export class BusOver implements Bus {
  protected readonly bus: Bus;

  constructor(bus: Bus) {
    this.bus = bus;
  }

  createEpoch(...args: Parameters<Bus['createEpoch']>): ReturnType<Bus['createEpoch']> {
    return this.bus.createEpoch(...args);
  }

  renew(...args: Parameters<Bus['renew']>): ReturnType<Bus['renew']> {
    return this.bus.renew(...args);
  }

  group(...args: Parameters<Bus['group']>): ReturnType<Bus['group']> {
    return this.bus.group(...args);
  }

  evict(...args: Parameters<Bus['evict']>): ReturnType<Bus['evict']> {
    return this.bus.evict(...args);
  }

  published(...args: Parameters<Bus['published']>): ReturnType<Bus['published']> {
    return this.bus.published(...args);
  }

  read(...args: Parameters<Bus['read']>): ReturnType<Bus['read']> {
    return this.bus.read(...args);
  }
}
