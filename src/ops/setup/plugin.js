// state:file v1 - written by `state setup opencode`; `state setup opencode --remove` takes it away.
// Tells `state` what happens in a session, and gives the model the briefing that it answers with.
// Nothing here throws or waits for longer than a second: without an answer the session goes on as if this file were not there.
import { spawn } from "node:child_process"

const STATE = "PROGRAM";
const WAIT = 1000
const TOOLS = new Set(["bash", "edit", "write", "patch", "apply_patch", "multiedit"])
const HOST = /^(claude|codex|gemini|opencode|cursor|copilot):/

function ask(event) {
  return new Promise((resolve) => {
    let text = ""
    let child
    const end = (answer) => {
      clearTimeout(timer)
      resolve(answer)
    }
    const timer = setTimeout(() => {
      try { child?.kill("SIGKILL") } catch {}
      resolve("")
    }, WAIT)
    try {
      child = spawn(STATE, ["hook", "opencode"], { cwd: event.cwd, stdio: ["pipe", "pipe", "ignore"] })
      child.on("error", () => end(""))
      child.on("close", (code) => end(code === 0 ? text.trim() : ""))
      child.stdout.setEncoding("utf8")
      child.stdout.on("data", (part) => { text += part })
      child.stdin.on("error", () => {})
      child.stdin.end(JSON.stringify(event))
    } catch {
      end("")
    }
  })
}

export const StatePlugin = async ({ directory, worktree }) => {
  const cwd = directory || worktree || process.cwd()
  const sessions = new Map() // id -> { begun, briefing, news, said, telling }
  const parents = new Map() // id of a subagent's session -> id of the session that started it
  const spoken = new Map() // id of a message of the agent's -> its session, while that is at work
  const calls = new Map() // id of a call of a tool -> its session and arguments, until it is done or the session rests

  const quietly = (work) => async (...all) => { try { await work(...all) } catch {} }
  const top = (id) => { while (parents.has(id)) id = parents.get(id); return id }
  const tell = (hook_event_name, session_id, rest) => ask({ hook_event_name, session_id, cwd, ...rest })
  const session = (id) => {
    if (!sessions.has(id)) sessions.set(id, { begun: null, briefing: "", news: "", said: "", telling: null })
    return sessions.get(id)
  }
  const begin = (id, source) => {
    const known = session(id)
    known.begun = tell("SessionStart", id, { source }).then((text) => { known.briefing = text })
    return known.begun
  }
  const forget = (id) => {
    for (const known of [spoken, calls]) for (const [key, { sessionID }] of known) if (sessionID === id) known.delete(key)
  }
  const begun = (id) => session(id).begun ?? begin(id, "resume")

  const events = {
    "session.created": ({ info }) => {
      if (info.parentID) parents.set(info.id, info.parentID)
      else if (!session(info.id).begun) return begin(info.id, "startup")
    },
    "session.compacted": ({ sessionID }) => { if (!parents.has(sessionID)) return begin(sessionID, "compact") },
    "session.idle": async ({ sessionID }) => {
      forget(sessionID)
      if (parents.has(sessionID) || !sessions.has(sessionID)) return
      await session(sessionID).telling
      await tell("Stop", sessionID, { last_assistant_message: session(sessionID).said })
    },
    "session.deleted": ({ info }) => { forget(info.id); sessions.delete(info.id); parents.delete(info.id) },
    "message.updated": ({ info }) => { if (info.role === "assistant") spoken.set(info.id, { sessionID: info.sessionID }) },
    "message.part.updated": async ({ part }) => {
      const { sessionID, text } = part
      if (part.type !== "text" || part.synthetic || !spoken.has(part.messageID) || !text) return
      const known = session(sessionID)
      known.said = text
      // A session that is killed leaves at least its last words.
      if (part.time?.end && !parents.has(sessionID)) {
        known.telling = tell("AssistantMessage", sessionID, { last_assistant_message: text })
        await known.telling
      }
    },
  }

  return {
    event: quietly(async ({ event }) => { await events[event.type]?.(event.properties) }),
    "chat.message": quietly(async ({ sessionID }, { parts }) => {
      if (parents.has(sessionID)) return
      await begun(sessionID)
      const prompt = parts.filter((part) => part.type === "text" && !part.synthetic).map((part) => part.text).join("\n")
      if (prompt) session(sessionID).news = await tell("UserPromptSubmit", sessionID, { prompt })
    }),
    "experimental.chat.system.transform": quietly(async ({ sessionID }, { system }) => {
      if (!sessionID || parents.has(sessionID)) return
      await begun(sessionID)
      const { briefing, news } = session(sessionID)
      for (const text of [briefing, news]) if (text) system.push(text)
    }),
    "experimental.session.compacting": quietly(async ({ sessionID }, { context }) => {
      if (parents.has(sessionID)) return
      const text = await tell("PreCompact", sessionID)
      if (text) context.push(text)
    }),
    "shell.env": quietly(async ({ sessionID }, { env }) => {
      // A name that somebody chose is also that of the hooks; one like a host's is from around this host.
      const isChosen = process.env.STATE_SESSION && !HOST.test(process.env.STATE_SESSION)
      if (sessionID && !isChosen) env.STATE_SESSION = `opencode:${top(sessionID)}`
    }),
    "tool.execute.before": quietly(async ({ tool, sessionID, callID }, output) => {
      if (TOOLS.has(tool)) calls.set(callID, { sessionID, args: output.args })
    }),
    "tool.execute.after": quietly(async (input) => {
      if (!TOOLS.has(input.tool)) return
      const tool_input = input.args ?? calls.get(input.callID)?.args ?? {}
      calls.delete(input.callID)
      const id = top(input.sessionID)
      const agent = parents.has(input.sessionID) ? { agent_id: input.sessionID } : {}
      const text = await tell("PostToolUse", id, { tool_name: input.tool, tool_input, ...agent })
      if (text) session(id).news = [session(id).news, text].filter(Boolean).join("\n\n")
    }),
    dispose: quietly(async () => {
      const open = [...sessions].filter(([id, known]) => known.begun && !parents.has(id))
      await Promise.all(open.map(([id]) => tell("SessionEnd", id)))
    }),
  }
}
