/** Mails that are to be handed on, in memory. */

import type { WaitingMails } from '../../model/ports/stores.ts'
import { requireNew, type Tables } from './tables.ts'

export const createWaitingMails = ({ waitingMails }: Tables): WaitingMails => ({
  async add(mail, most) {
    if (waitingMails.size >= most) return false
    requireNew(waitingMails, mail.id)
    waitingMails.set(mail.id, mail)
    return true
  },
  async claim(at, until, limit) {
    const due = [...waitingMails.values()]
      .filter(({ due_at }) => due_at <= at)
      .sort((one, other) => one.due_at - other.due_at)
      .slice(0, limit)
      .map(mail => ({ ...mail, attempts: mail.attempts + 1, due_at: until }))
    for (const mail of due) waitingMails.set(mail.id, mail)
    return due
  },
  async postpone({ id, attempts }, dueAt) {
    const found = waitingMails.get(id)
    if (found?.attempts === attempts) waitingMails.set(id, { ...found, due_at: dueAt })
  },
  async remove(id) {
    waitingMails.delete(id)
  },
  anyDue: at => [...waitingMails.values()].some(({ due_at }) => due_at <= at),
})
