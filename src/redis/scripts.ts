import { createHash } from 'node:crypto';
import { configurationMark, logBounds } from '../coherence/bus.ts';

/** Share of `maxmemory` above which records go that some node has not applied. That node then starts empty. */
const NEARLY_FULL = 0.85;

/**
 * The steps of src/coherence/sequencer.ts in Lua; that file documents them. All keys of a scope are in one hash slot.
 *
 * A member is "beat applied intentsFrom recordsFrom renewed contact"; an intent "member posts payload"; a quarantine
 * "owner payload"; a ref "seq held quarantine". Neither members nor encoded terms contain a space. `terms` indexes the
 * intents that other writes have to wait for: a sorted set of "term intent" with equal scores, so ordered by its
 * members.
 */
const prelude = `
local state, members, intents, refs, quarantines, terms, log, notes = unpack(KEYS)
local epoch = ARGV[1]

-- run_id changes with each start, master_replid with each promotion. Together they show whether this is still the
-- server, and the data, of the epoch. The counts in the state reveal keys that were evicted or deleted one by one.
local function identity()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'),
    string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end

local function current()
  local s = redis.call('HMGET', state, 'epoch', 'run', 'repl', 'members', 'intents', 'quarantines', 'refs', 'terms')
  if not s[1] then return '' end
  local run, repl = identity()
  if s[2] ~= run or s[3] ~= repl then return '' end
  if tonumber(s[4]) ~= redis.call('HLEN', members) or tonumber(s[5]) ~= redis.call('HLEN', intents)
    or tonumber(s[6]) ~= redis.call('HLEN', quarantines) or tonumber(s[7]) ~= redis.call('HLEN', refs)
    or tonumber(s[8]) ~= redis.call('ZCARD', terms) then return '' end
  return s[1]
end

local function count()
  redis.call('HSET', state, 'members', redis.call('HLEN', members), 'intents', redis.call('HLEN', intents),
    'quarantines', redis.call('HLEN', quarantines), 'refs', redis.call('HLEN', refs),
    'terms', redis.call('ZCARD', terms))
end

local function beat() return redis.call('HINCRBY', state, 'beats', 1) end

local function parse(member)
  local b, a, i, r, n, c = string.match(member, '^(%d+) (%-?%d+) (%d+) (%d+) (%d) (%-?%d+)$')
  return { beat = tonumber(b), applied = tonumber(a), intents = tonumber(i), records = tonumber(r), renewed = n,
    contact = tonumber(c) }
end

local function save(id, m)
  redis.call('HSET', members, id, string.format('%d %d %d %d %s %d', m.beat, m.applied, m.intents, m.records, m.renewed,
    m.contact))
end

local function ensureMember(id)
  local found = redis.call('HGET', members, id)
  if found then return parse(found) end
  local m = { beat = beat(), applied = -1, intents = 0, records = 0, renewed = '0', contact = -1 }
  save(id, m)
  return m
end

local function numberOf(id) return tonumber(string.match(id, ':(%d+)$')) end

local function tell(kind, what)
  local n = redis.call('HINCRBY', state, 'note', 1)
  redis.call('XADD', notes, 'MAXLEN', '~', 1000, string.format('%d-0', n), kind, what)
  redis.call('PEXPIRE', notes, 3600000)
end

local function isNearlyFull()
  local memory = redis.call('INFO', 'memory')
  local most = tonumber(string.match(memory, 'maxmemory:(%d+)'))
  return most > 0 and tonumber(string.match(memory, 'used_memory:(%d+)')) > most * ${NEARLY_FULL}
end

local function oldestFrom(at) return redis.call('XRANGE', log, at, '+', 'COUNT', 1)[1] end

local function seqAt(entry) return tonumber(string.match(entry[1], '^%d+')) end

-- Each entry holds the number of bytes appended so far, so the size of the log is known even if others have trimmed it.
local function trim(seq, total)
  local committed, last, pressed = tonumber(redis.call('HGET', state, 'committed')), nil, nil
  local entry = oldestFrom('-')
  while entry and seqAt(entry) < seq do
    local at, fields = seqAt(entry), entry[2]
    local bytes = total - tonumber(fields[14]) + #fields[2] + #fields[12]
    if bytes <= ${logBounds.mostBytes} and seq - at < ${logBounds.records} then
      if bytes <= ${logBounds.keptBytes} then break end
      if pressed == nil and at > committed then pressed = isNearlyFull() end
      if at > committed and not pressed then break end
    end
    last, entry = at, oldestFrom(string.format('%d-0', at + 1))
  end
  if last then redis.call('XTRIM', log, 'MAXLEN', seq - last) end
end

local function push(entry)
  local seq = redis.call('HINCRBY', state, 'seq', 1)
  local total = redis.call('HINCRBY', state, 'bytes', #entry.payload + #(entry.posts or ''))
  redis.call('XADD', log, string.format('%d-0', seq), 'p', entry.payload, 'r', entry.ref or '',
    'i', entry.intent or '', 'a', entry.again or '', 'h', entry.held or '', 't', entry.posts or '', 'b', total)
  redis.call('PEXPIRE', log, 3600000)
  trim(seq, total)
  return seq
end

local function seqOf(ref) return tonumber(string.match(ref, '^%d+')) end

local function postsOf(intent)
  local found = redis.call('HGET', intents, intent)
  return found and string.match(found, '^[^ ]* ([^ ]*) ')
end

local function post(intent, posts)
  for term in string.gmatch(posts, '[^,]+') do redis.call('ZADD', terms, 0, term .. ' ' .. intent) end
end

local function unpost(intent)
  for term in string.gmatch(postsOf(intent) or '', '[^,]+') do redis.call('ZREM', terms, term .. ' ' .. intent) end
end

-- No other term begins like one of a configuration, or sorts behind it.
local function isConfiguration(term) return string.sub(term, 1, 1) == '${configurationMark}' end

local function conflicting(probes, own)
  local seen, found = { [own] = true }, {}
  local function add(from, to)
    for _, member in ipairs(redis.call('ZRANGEBYLEX', terms, from, to)) do
      local id = string.match(member, ' (.*)$')
      if not seen[id] then found[#found + 1] = id end
      seen[id] = true
    end
  end
  for term in string.gmatch(probes, '[^,]+') do
    if isConfiguration(term) then
      add('[${configurationMark}', '(' .. term .. ' ')
      add('[' .. term .. '!', '+')
    else add('[' .. term .. ' ', '(' .. term .. '!') end
  end
  return found
end

local function mayHaveMissed(probes, asOf)
  local seq = tonumber(redis.call('HGET', state, 'seq'))
  if probes == '' or asOf >= seq then return false end
  if seq - asOf > 256 then return true end
  local oldest = oldestFrom('-')
  if not oldest or seqAt(oldest) > asOf + 1 then return true end
  local asked = {}
  for term in string.gmatch(probes, '[^,]+') do asked[term] = true end
  for _, entry in ipairs(redis.call('XRANGE', log, string.format('%d-0', asOf + 1), '+')) do
    for term in string.gmatch(entry[2][12] or '', '[^,]+') do
      if (asked[term] == true) ~= isConfiguration(term) then return true end
    end
  end
  return false
end

local function commit()
  local s = redis.call('HMGET', state, 'seq', 'committed')
  local seq, committed = tonumber(s[1]), tonumber(s[2])
  for _, member in ipairs(redis.call('HVALS', members)) do seq = math.min(seq, parse(member).applied) end
  if seq <= committed then return committed end
  redis.call('HSET', state, 'committed', seq)
  tell('c', seq)
  return seq
end

-- The state was set back: it is not what members were told. What is left of it belongs to no epoch.
local function void()
  redis.call('HDEL', state, 'epoch')
  return { 0, '' }
end

-- As numberOf in coherence/epoch.ts.
local function numberIn(name) return tonumber(string.match(name, '^(%d+)_') or 0) end

local function withdraw(id)
  unpost(id)
  if redis.call('HDEL', intents, id) == 1 then tell('w', id) end
end
`;

const guard = `
local now = current()
if now == '' or now ~= epoch then
  if now ~= '' and numberIn(epoch) > 0 and numberIn(now) <= numberIn(epoch) then return void() end
  return { 0, now }
end
`;

/** ARGV: epoch, member, contact. The member may know more than this state holds (coherence/contact.ts). */
const contactGuard = `${guard}
local number, answered, reached, held = string.match(ARGV[3], '^(%d+) (%d+) (%d+) (%d)$')
number = tonumber(number)
local met = redis.call('HGET', members, ARGV[2])
if tonumber(reached) > tonumber(redis.call('HGET', state, 'seq')) then return void() end
if not met and held == '1' then return void() end
local told = met and parse(met).contact or -1
if told >= 0 and told < tonumber(answered) then return void() end
`;

const steps = {
  /** ARGV: nonce, lease. */
  createEpoch: `
if current() ~= '' then return { 1 } end
local run, repl = identity()
local asked = tonumber(redis.call('HGET', state, 'asked') or 0)
redis.call('DEL', refs, quarantines, log, notes)
local counted = redis.call('HMGET', state, 'intents', 'terms')
if tonumber(counted[1]) ~= redis.call('HLEN', intents) or tonumber(counted[2]) ~= redis.call('ZCARD', terms) then
  -- Some intents or terms were lost.
  redis.call('DEL', terms)
  for _, intent in ipairs(redis.call('HKEYS', intents)) do post(intent, postsOf(intent) or '') end
end
local all = redis.call('HGETALL', members)
for i = 1, #all, 2 do
  local m = parse(all[i + 1])
  m.applied = -1
  save(all[i], m)
end
redis.call('HSET', state, 'epoch', epoch, 'run', run, 'repl', repl, 'seq', 0, 'committed', 0, 'note', 0, 'bytes', 0,
  'lease', math.max(tonumber(ARGV[2]), asked), 'asked', ARGV[2])
ensureMember('(barrier)')
count()
return { 1 }`,

  /**
   * ARGV: epoch, member, contact, applied or "", the ref of that record or "", intentsFrom, recordsFrom, quarantines.
   */
  renew: `${contactGuard}
local id, applied = ARGV[2], tonumber(ARGV[4]) or -1
if applied > 0 and ARGV[5] ~= '' then
  local at = string.format('%d-0', applied)
  local entry = redis.call('XRANGE', log, at, at)[1]
  if entry and entry[2][4] ~= ARGV[5] then return void() end
end
local m = met and parse(met) or { applied = -1, intents = 0, records = 0, renewed = '0', contact = 0 }
local joined = m.renewed == '0' and 1 or 0
m = { beat = beat(), applied = math.max(applied, m.applied), intents = math.max(tonumber(ARGV[6]), m.intents),
  records = math.max(tonumber(ARGV[7]), m.records), renewed = '1', contact = math.max(number, m.contact) }
save(id, m)
for _, intent in ipairs(redis.call('HKEYS', intents)) do
  if string.sub(intent, 1, #id + 1) == id .. ':' and numberOf(intent) < m.intents then withdraw(intent) end
end
for _, ref in ipairs(redis.call('HKEYS', refs)) do
  if string.sub(ref, 1, #id + 1) == id .. ':' and numberOf(ref) < m.records then redis.call('HDEL', refs, ref) end
end
count()
for _, key in ipairs({ state, members, intents, refs, quarantines, terms }) do redis.call('PEXPIRE', key, 86400000) end
local committed = commit()
local s = redis.call('HMGET', state, 'seq', 'note', 'lease')
local unpublished = tonumber(s[1]) + 1
for _, ref in ipairs(redis.call('HVALS', refs)) do unpublished = math.min(unpublished, seqOf(ref)) end
local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
local first = oldest and tonumber(string.match(oldest[1], '^(%d+)')) or tonumber(s[1]) + 1
return { 1, tonumber(s[1]), first, committed, tonumber(s[2]), s[3], joined, redis.call('HGETALL', members),
  ARGV[8] == '1' and redis.call('HGETALL', quarantines) or {}, unpublished }`,

  /** ARGV: epoch, member, contact, payload, ref, intent or "", probes, hold, asOf, quarantine, ends or "", posts. */
  append: `${contactGuard}
local member, payload, ref, intent, probes = ARGV[2], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local m = ensureMember(member)
m.contact = math.max(number, m.contact)
save(member, m)
count()
if numberOf(ref) < m.records then return { 1, 0, {}, 0 } end
local posts = intent ~= '' and postsOf(intent) or ARGV[12]
if intent ~= '' then unpost(intent) end
local others = conflicting(probes, intent)
local known = redis.call('HGET', refs, ref)
local held
if known then
  held = string.match(known, '^%d+ (%d)') == '1'
else
  held = ARGV[8] == '1' or #others > 0 or mayHaveMissed(probes, tonumber(ARGV[9]))
end
local seq = known and seqOf(known)
if seq and redis.call('HEXISTS', intents, intent) == 1 then tell('r', string.format('%d %s', seq, intent)) end
if intent ~= '' and not held then redis.call('HDEL', intents, intent) end
if not seq then
  seq = push({ payload = payload, ref = ref, intent = intent, held = held and '1' or '', posts = posts })
  redis.call('HSET', refs, ref, string.format('%d %s %s', seq, held and '1' or '0', ARGV[10]))
  if ARGV[10] == '1' then redis.call('HSET', quarantines, seq, member .. ' ' .. payload) end
  if ARGV[11] ~= '' then redis.call('HDEL', quarantines, ARGV[11]) end
end
count()
return { 1, seq, others, held and 1 or 0 }`,

  /** ARGV: epoch, member, contact, intent, probes. */
  conflicting: `${contactGuard}
if met then
  local m = parse(met)
  m.contact = math.max(m.contact, number)
  save(ARGV[2], m)
end
return { 1, tonumber(redis.call('HGET', state, 'seq')), conflicting(ARGV[5], ARGV[4]) }`,

  /** ARGV: epoch, member, contact, applied. */
  ack: `${contactGuard}
if met then
  local m = parse(met)
  m.applied = math.max(m.applied, tonumber(ARGV[4]))
  m.contact = math.max(m.contact, number)
  save(ARGV[2], m)
end
return { 1, commit() }`,

  /** ARGV: epoch, member, id, posts, payload. */
  intend: `${guard}
if numberOf(ARGV[3]) >= ensureMember(ARGV[2]).intents then
  redis.call('HSET', intents, ARGV[3], ARGV[2] .. ' ' .. ARGV[4] .. ' ' .. ARGV[5])
  if ARGV[6] == '0' then post(ARGV[3], ARGV[4]) end
end
count()
return { 1 }`,

  /** ARGV: epoch, intent. */
  withdraw: `${guard}
withdraw(ARGV[2])
count()
return { 1 }`,

  /** ARGV: epoch, seq. */
  published: `${guard}
redis.call('HDEL', refs, '(again):' .. ARGV[2])
count()
return { 1 }`,

  /** ARGV: epoch, by, id, beat. */
  evict: `${guard}
local by, id = ARGV[2], ARGV[3]
local found = redis.call('HGET', members, id)
if not found or parse(found).beat ~= tonumber(ARGV[4]) then return { 1, {} } end
if by == '' then
  for _, intent in ipairs(redis.call('HVALS', intents)) do
    if string.match(intent, '^([^ ]*) ') == id then return { 1, {} } end
  end
  for _, quarantine in ipairs(redis.call('HVALS', quarantines)) do
    if string.match(quarantine, '^([^ ]*) ') == id then return { 1, {} } end
  end
end
redis.call('HDEL', members, id)
local left = {}
local kept = redis.call('HGETALL', refs)
for i = 1, #kept, 2 do
  local ref = kept[i]
  if string.sub(ref, 1, #id + 1) == id .. ':' or by ~= '' and string.sub(ref, 1, 8) == '(again):' then
    redis.call('HDEL', refs, ref)
    if by ~= '' and string.sub(kept[i + 1], -1) ~= '1' then left[#left + 1] = seqOf(kept[i + 1]) end
  end
end
table.sort(left)
for _, seq in ipairs(left) do
  local entry = redis.call('XRANGE', log, string.format('%d-0', seq), string.format('%d-0', seq))[1]
  local repeated = push({ payload = entry and entry[2][2] or '', again = '1', posts = entry and entry[2][12] })
  redis.call('HSET', refs, string.format('(again):%d', repeated), string.format('%d 0 0', repeated))
end
local orphans = {}
local function adopt(seq, payload)
  redis.call('HSET', quarantines, seq, by .. ' ' .. payload)
  orphans[#orphans + 1] = tostring(seq)
  orphans[#orphans + 1] = by .. ' ' .. payload
end
local open = redis.call('HGETALL', quarantines)
for i = 1, #open, 2 do
  local owner, payload = string.match(open[i + 1], '^([^ ]*) (.*)$')
  if owner == id then adopt(open[i], payload) end
end
local all = redis.call('HGETALL', intents)
for i = 1, #all, 2 do
  local owner, posts, payload = string.match(all[i + 1], '^([^ ]*) ([^ ]*) (.*)$')
  if owner == id then
    unpost(all[i])
    redis.call('HDEL', intents, all[i])
    adopt(push({ payload = payload, intent = all[i], posts = posts }), payload)
  end
end
count()
commit()
return { 1, orphans }`,
} as const;

export type Step = keyof typeof steps;

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

export const scripts = Object.fromEntries(
  Object.entries(steps).map(([name, step]) => {
    const lua = prelude + step;
    return [name, { lua, sha: createHash('sha1').update(lua).digest('hex') }];
  }),
) as unknown as Readonly<Record<Step, Script>>;
