import { connect, type Live } from '../../src/client/index.ts';

/* What a page of an application does: it shows a step, and fetches it again when it is told to. */

declare global {
  interface Window {
    live: Live;
    /** What it was told, in order. */
    told: string[];
    states: string[];
    /** How many reads have been answered. */
    answers: number;
    warnings: string[];
  }
}

const parameters = new URLSearchParams(location.search);
const live = connect({ match: parameters.getAll('match') });
window.live = live;
window.told = [];
window.states = [];
window.answers = 0;
window.warnings = [];

let fetches = 0;
async function show(): Promise<void> {
  fetches += 1;
  const own = fetches;
  try {
    const response = await fetch('/steps/7');
    const { text } = (await response.json()) as { text: string };
    window.answers += 1;
    // An answer that a later request has overtaken is old.
    if (own === fetches) document.body.textContent = text;
  } catch {
    // The stream is lost as well, and tells when it is back.
  }
}

live.on('event', ({ paths }) => {
  window.told.push(paths.join(' '));
  void show();
});
live.on('resync', ({ reason }) => {
  window.told.push(`resync ${reason}`);
  void show();
});
live.on('state', ({ state, reason }) => window.states.push(reason === undefined ? state : `${state}: ${reason.code}`));
live.on('warning', ({ code }) => window.warnings.push(code));
void show();
