import { Audience, type AudienceTask, type Publication } from './audience.ts';

/** What the bench sends to the process of an audience. Each is answered. */
export type AudienceMessage =
  | { readonly kind: 'open'; readonly task: AudienceTask }
  | { readonly kind: 'publish'; readonly publications: readonly Publication[] }
  | { readonly kind: 'close' };

let audience: Audience | undefined;

async function perform(message: AudienceMessage): Promise<unknown> {
  if (message.kind === 'publish') return await audience?.publish(message.publications);
  if (message.kind === 'close') return audience?.close();
  audience = new Audience(message.task);
  return await audience.open();
}

process.on('message', (message: AudienceMessage) => {
  perform(message).then(
    (done) => process.send?.({ done: done ?? null }),
    (error: unknown) => process.send?.({ failed: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
