/** The `client_id`s that this server gives. */

import { newId } from '../core/handle.ts'
import type { Random } from '../core/runtime.ts'

export const newClientId = (random: Random): string => newId(random)
