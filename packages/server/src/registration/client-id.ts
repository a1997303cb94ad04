/** The `client_id`s that this server gives: told apart from others without a look into the store. */

import { newId } from '../core/handle.ts'
import type { Random } from '../core/runtime.ts'

export const newClientId = (random: Random): string => newId(random)

const made = /^[\w-]{22}$/

export const isRegisteredId = (clientId: string): boolean => made.test(clientId)
