import { tessera } from '../../tessera.js'

export const runtime = 'nodejs'
export const dynamic = 'force-dynamic'

/** Next states no address: it writes the sender's into x-forwarded-for. `trusted_proxies` has to contain 127.0.0.1. */
const handle = async request => (await tessera()).fetch(request, { address: '127.0.0.1' })

export { handle as DELETE, handle as GET, handle as HEAD, handle as OPTIONS, handle as POST, handle as PUT }
