import express from 'express'
import { stopOnSignals, tessera } from '../tessera.mjs'

const app = express()
app.use(tessera.listener) // before express.json() and other body parsers
app.use(express.json())
app.get('/orders', (_request, response) => response.send('your orders'))
app.use((_request, response) => response.status(404).send('no such page'))

const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1')
stopOnSignals(() => server.close())
