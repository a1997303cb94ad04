import { tessera } from '../../tessera.js'

export const runtime = 'nodejs'
export const dynamic = 'force-dynamic'

/** Next passes the client's address only in x-forwarded-for, so `trusted_proxies` must contain 127.0.0.1. */
const handle = async request => (await tessera()).fetch(request, { address: '127.0.0.1' })

export { handle as DELETE, handle as GET, handle as HEAD, handle as OPTIONS, handle as POST, handle as PUT }
