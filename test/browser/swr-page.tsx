import { Suspense, useState } from 'react';
import { createRoot } from 'react-dom/client';
import useSWR, { mutate } from 'swr';
import useSWRInfinite, { unstable_serialize } from 'swr/infinite';
import { connect } from 'unstale/client';
import { follow } from 'unstale/swr';

/*
 * What the tests of unstale/swr look at: the same step by keys of each kind, and one that is hidden first. `?suspense`
 * has it under suspense alone, and opens no stream before `proceed()`.
 */

const isSuspended = location.search === '?suspense';
const proceeds = new Promise<undefined>((resolve) => (window.proceed = resolve));
const live = connect(isSuspended ? { auth: () => proceeds } : {});
live.on('warning', ({ id, error }) => window.happened.push(`warning ${id !== undefined} ${error}`));
window.happened = [];

declare global {
  interface Window {
    /** Whether it is live, and no fetch is running or about to. */
    isAtRest(): boolean;
    isLive(): boolean;
    proceed(token?: undefined): void;
  }
}
let running = 0;
window.isLive = () => live.state === 'live';
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
const Infinite = () => {
  const { data, setSize } = useSWRInfinite(pageKey, load, { revalidateAll: true });
  return (
    <>
      <p id="infinite">{data?.[0]?.title}</p>
      <p id="infinite-2">{data?.[1]?.title}</p>
      <button type="button" onClick={() => void setSize(2)}>
        More
      </button>
    </>
  );
};
const Suspended = () => <p id="text">{useSWR('/steps/7', load, { suspense: true }).data.title}</p>;
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

createRoot(document.getElementById('root') as HTMLElement).render(
  isSuspended ? (
    <Suspense>
      <Suspended />
    </Suspense>
  ) : (
    <Page />
  ),
);
