import { readFileSync } from 'node:fs';

/** `local_address … tx_queue:rx_queue` of an open connection, in hexadecimal digits (proc(5)). */
const openConnection = /^ *\d+: [0-9A-F]{8}:([0-9A-F]{4}) \S+ 01 ([0-9A-F]{8}):/gm;

/** How many IPv4 connections of a server's port have bytes that their clients do not take. NaN without /proc. */
export function heldBack(port: number): number {
  try {
    const rows = [...readFileSync('/proc/net/tcp', 'latin1').matchAll(openConnection)];
    return rows.filter(([, local, queue]) => Number.parseInt(local ?? '', 16) === port && Number(`0x${queue}`) > 0)
      .length;
  } catch {
    return Number.NaN;
  }
}
