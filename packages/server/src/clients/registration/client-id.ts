/** The `client_id`s that this server gives. */

import { newId } from '../../model/handle.ts'
import type { Random } from '../../runtime/ports.ts'

export const newClientId = (random: Random): string => newId(random)
