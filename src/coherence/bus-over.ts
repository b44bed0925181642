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

  append(...args: Parameters<Bus['append']>): ReturnType<Bus['append']> {
    return this.bus.append(...args);
  }

  ack(...args: Parameters<Bus['ack']>): ReturnType<Bus['ack']> {
    return this.bus.ack(...args);
  }

  intend(...args: Parameters<Bus['intend']>): ReturnType<Bus['intend']> {
    return this.bus.intend(...args);
  }

  withdraw(...args: Parameters<Bus['withdraw']>): ReturnType<Bus['withdraw']> {
    return this.bus.withdraw(...args);
  }

  conflicting(...args: Parameters<Bus['conflicting']>): ReturnType<Bus['conflicting']> {
    return this.bus.conflicting(...args);
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
