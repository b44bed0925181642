import { attacks, made } from './attacks.ts';

/* The process of an attacker: name of the attack, port of the gateway, milliseconds. */

const [name = '', port, ms] = process.argv.slice(2);
await attacks[name]?.({ port: Number(port), signal: AbortSignal.timeout(Number(ms)) });
process.send?.(made.connections, () => process.exit());
