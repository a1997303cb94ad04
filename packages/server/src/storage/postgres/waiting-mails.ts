/** Mails that are to be handed on, in PostgreSQL. */

import type { WaitingMails } from '../../model/ports/stores.ts'
import { among, dueRows, free } from './batches.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, change, one } from './statements.ts'

const codec = codecs.waitingMails

const { names, count, placeholders } = codec

const addMail = `insert into waiting_mails (${names}) select ${placeholders()}
  where (select count(*) from waiting_mails) < $${count + 1}::bigint`

export function createWaitingMails({ run, locked }: Database): WaitingMails {
  // What another node is claiming is passed over.
  const claim = all(
    run,
    `with due as materialized (${dueRows('waiting_mails', { key: 'id', due: 'due_at', limit: '$3' })} ${free})
    update waiting_mails set attempts = attempts + 1, due_at = $2 where ${among('id', 'due')}
    returning ${names}`,
  )
  const postpone = change(run, 'update waiting_mails set due_at = $3 where id = $1 and attempts = $2')
  const remove = change(run, 'delete from waiting_mails where id = $1')
  const due = one(run, 'select 1 from waiting_mails where due_at <= $1 order by due_at limit 1')
  return {
    // They are counted before one is added.
    add: (mail, most) =>
      locked(
        ['waiting mails'],
        async write => (await write(addMail, [...codec.encode(mail), most])).count === 1,
      ),
    claim: async (at, until, limit) =>
      (await claim(at, until, limit)).flatMap(row => codec.decode(row) ?? []),
    postpone: async ({ id, attempts }, dueAt) => void (await postpone(id, attempts, dueAt)),
    remove: async id => void (await remove(id)),
    anyDue: async at => (await due(at)) !== undefined,
  }
}
