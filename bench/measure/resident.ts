import { readFileSync } from 'node:fs';

/** Resident memory of a process and its children, without what they share. NaN without /proc. */
export function residentBytes(pid: number): number {
  try {
    const own = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const shared = /^RssShmem:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    const below = children.map((child) => residentBytes(Number(child)));
    return (Number(own) + Number(shared)) * 1024 + below.reduce((sum, bytes) => sum + bytes, 0);
  } catch {
    return Number.NaN;
  }
}
