import { describe, expect, it } from 'vitest';
import { gate } from '../support/barrier.ts';
import { documentApi } from '../support/document-api.ts';
import { get } from '../support/request.ts';
import { LEASE, useProtectedRig } from './protected-rig.ts';

/* Protected writes of a node that others could join. A file of its own, beside which others run: it mostly waits. */

const rig = useProtectedRig();
const { start, leaseRunsOut, at, put } = rig;

describe('a node alone, once Redis is away', () => {
  /** A node whose next read of the document waits at the gate. */
  async function alone(settings: string, coherence: string) {
    await start(1, 'merge: true', { settings, coherence });
    const api = documentApi(rig.origin, '/settings', { text: '{"a":0}' });
    const read = gate();
    rig.origin.on('GET /settings', async (_, response) => {
      await read.pass();
      response.writeHead(200, { 'content-type': 'application/json' }).end(api.text);
    });
    return { api, read };
  }

  it('does not send the end of a long body after its turn: its lease has run out meanwhile', async () => {
    const rule = 'rules: [{ on: PATCH /settings, before: read, invalidate: ["/names/{before.a}"] }]';
    // The read may take longer than the lease.
    const patient = `origin: { url: "${rig.origin.url}", timeout: 10s }`;
    const { api, read } = await alone(`${rule}\n${patient}`, LEASE);
    const late = get(at(0), { method: 'PATCH', body: { a: 'x'.repeat(400_000) } });
    // It has its turn, and is noted.
    await read.arrived();
    await rig.redis.kill();
    await leaseRunsOut();
    read.release();
    // What the API has had of it is invalidated, which no other node has confirmed.
    expect((await late).status).toBe(504);
    expect(api.writes).toHaveLength(0);
    await rig.redis.launch();
  });

  // Its turn would last long enough. But what the others do not know of would be lost with this node.
  it.each(['reject', 'queue'])('does not write what it cannot tell the others: onPartition is %s', async (choice) => {
    const { api, read } = await alone('', `lease: 6s, onPartition: ${choice}`);
    const write = put(0, { a: 1 });
    await read.arrived();
    await rig.redis.kill();
    read.release();
    expect((await write).status).toBe(503);
    expect(api.writes).toEqual([]);
    await rig.redis.launch();
  });
});
