/** Events that wait to be sent to webhooks, in PostgreSQL. */

import type { Messages, WebhookStores } from '../../model/ports/stores.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { dueRows, keyIn, skipLocked } from './due-rows.ts'
import { all, change, one, type Run } from './statements.ts'

const { names, decodeAll } = codecs.webhookMessages
const key = 'event_id, endpoint'

/**
 * Returns an insert of the events in a JSON text, as {@link messagesText} writes it. One parameter holds any number of
 * them, so that commits with different numbers share a statement.
 * @param source the table that has the column, if it is one.
 */
export const insertMessages = (json: string, source?: string): string =>
  `insert into webhook_messages (event_id, endpoint, sealed, attempts, due_at, expires_at)
  select message.event_id, message.endpoint, decode(message.sealed, 'base64'), message.attempts,
    message.due_at, message.expires_at
  from ${source === undefined ? '' : `${source}, `}json_to_recordset(${json}::json) as message (
    event_id text, endpoint text, sealed text, attempts bigint, due_at bigint, expires_at bigint)`

export const messagesText = (messages: Messages = []): string =>
  JSON.stringify(
    messages.map(message => ({ ...message, sealed: Buffer.from(message.sealed).toString('base64') })),
  )

const insertGiven = insertMessages('$1')

/**
 * Runs a write, and stores the events in its transaction if it took effect. Without events, no transaction is begun.
 * @param tookEffect returns whether the write changed anything.
 */
export const writeWith = async <Value>(
  { run, locked }: Pick<Database, 'run' | 'locked'>,
  messages: Messages | undefined,
  write: (run: Run) => Promise<Value>,
  tookEffect: (value: Value) => boolean,
): Promise<Value> => {
  if (!messages || messages.length === 0) return write(run)
  return locked([], async within => {
    const value = await write(within)
    if (tookEffect(value)) await storeMessages(within, messages)
    return value
  })
}

/** Stores events as part of a transaction. */
export async function storeMessages(run: Run, messages: Messages | undefined): Promise<void> {
  if (messages && messages.length > 0) await run(insertGiven, [messagesText(messages)])
}

export function createWebhookStores({ run }: Database): WebhookStores {
  // Skips rows that another node is claiming.
  const claim = all(
    run,
    `with due as materialized (${dueRows('webhook_messages', { key, due: 'due_at', limit: '$3', where: 'endpoint = $4' })} ${skipLocked})
    update webhook_messages set attempts = attempts + 1, due_at = $2 where ${keyIn(key, 'due')}
    returning ${names}`,
  )
  const postpone = change(
    run,
    'update webhook_messages set due_at = $4 where event_id = $1 and endpoint = $2 and attempts = $3',
  )
  const remove = change(run, 'delete from webhook_messages where event_id = $1 and endpoint = $2')
  const due = one(
    run,
    'select 1 from webhook_messages where endpoint = $1 and due_at <= $2 order by due_at limit 1',
  )
  const count = one(
    run,
    'select count(*) from (select 1 from webhook_messages where endpoint = $1 limit $2::bigint) waiting',
  )
  return {
    webhookMessages: {
      add: messages => storeMessages(run, messages),
      claim: async (endpoint, at, until, limit) => decodeAll(run, await claim(at, until, limit, endpoint)),
      postpone: async ({ event_id, endpoint, attempts }, dueAt) =>
        void (await postpone(event_id, endpoint, attempts, dueAt)),
      remove: async ({ event_id, endpoint }) => void (await remove(event_id, endpoint)),
      anyDue: async (endpoint, at) => (await due(endpoint, at)) !== undefined,
      count: async (endpoint, most) => Number((await count(endpoint, most))?.[0]),
    },
  }
}
