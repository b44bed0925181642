import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import useSWR, { mutate } from 'swr';
import useSWRInfinite, { unstable_serialize } from 'swr/infinite';
import { connect } from 'unstale/client';
import { follow } from 'unstale/swr';

/* What the tests of unstale/swr look at: the same step by keys of each kind, and one that is hidden first. */

const live = connect();
live.on('warning', ({ id, error }) => window.happened.push(`warning ${id !== undefined} ${error}`));
window.happened = [];

declare global {
  interface Window {
    /** Whether it is live, and no fetch is running or about to. */
    isAtRest(): boolean;
  }
}
let running = 0;
window.isAtRest = () => live.state === 'live' && running === 0;

async function load(path: string): Promise<{ title: string }> {
  running += 1;
  try {
    return await (await fetch(path)).json();
  } finally {
    // SWR goes on in the turns that follow.
    setTimeout(() => (running -= 1));
  }
}
const pageKey = (index: number): string => `/steps/7?page=${index}`;

follow(mutate, live, {
  '/steps/:id': ({ id }) => [
    `/steps/${encodeURIComponent(id)}`,
    ['step', Number(id)],
    { step: id },
    unstable_serialize(pageKey),
  ],
  'event:broken': () => {
    throw new Error('broken');
  },
});

const Text = () => <p id="text">{useSWR('/steps/7', load).data?.title}</p>;
const List = () => <p id="list">{useSWR(['step', 7], () => load('/steps/7?list')).data?.title}</p>;
const Record = () => <p id="record">{useSWR({ step: '7' }, () => load('/steps/7?record')).data?.title}</p>;
const Infinite = () => <p id="infinite">{useSWRInfinite(pageKey, load).data?.[0]?.title}</p>;
const Other = () => <p id="other">{useSWR('/steps/8', load).data?.title}</p>;

function Page() {
  const [isShown, setShown] = useState(true);
  return (
    <>
      <button type="button" onClick={() => setShown(!isShown)}>
        Toggle
      </button>
      {isShown && <Text />}
      <List />
      <Record />
      <Infinite />
      <Other />
    </>
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(<Page />);
