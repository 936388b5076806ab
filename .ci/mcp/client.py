"""Drives `state mcp` with the Python package `mcp`: client.py BINARY MODE, in an empty directory. Fails by an assertion."""

import asyncio
import sys

from mcp import Client, StdioServerParameters, stdio_client


def text(result):
    assert len(result.content) == 1 and result.content[0].type == "text", result
    return result.content[0].text


async def main(binary, mode):
    server = StdioServerParameters(command=binary, args=["mcp"], env={"STATE_SESSION": f"python {mode}"})
    async with Client(stdio_client(server), mode=mode) as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["resume", "search", "show", "list", "add", "update", "run"], tools

        missing = await client.call_tool("resume", {})
        assert missing.is_error and "state init" in text(missing), missing
        assert "Created" in text(await client.call_tool("update", {"do": "init"}))

        async def ok(tool, **arguments):
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, result
            return text(result)

        finding = (await ok("add", kind="finding", title="walrus", body="It swims.", tags=["sea"])).split()[0]
        task = (await ok("add", kind="task", title="feed the walrus", priority=1)).split()[0]
        handoff = await ok("add", text="# Day\n\n## Done\n- looked\n## Next\n- swim\n- rest\n## Decisions\n- fish\n")
        assert "2 next" in handoff, handoff
        assert finding in await ok("search", query="walrus kind:finding")
        assert "It swims." in await ok("show", ids=[finding])
        assert task in await ok("list", word="ready")
        assert "yours" in await ok("update", do="start", ids=[task])
        assert "done" in await ok("update", do="done", ids=[task], reason="fed")
        assert "swim" in await ok("resume")
        job = (await ok("run", command="echo its tusks; exit 3", label="look")).split()[0]
        ended = await ok("run", wait=[job])
        assert "failed" in ended and "its tusks" in ended, ended

        bad = await client.call_tool("add", {"kind": "planet", "title": "x"})
        assert bad.is_error and "planet" in text(bad), bad
        try:
            await client.call_tool("nope", {})
        except Exception as error:  # noqa: BLE001: each mode has its own
            assert "no tool" in str(error), error
        else:
            raise AssertionError("an unknown tool was called")

        resources = (await client.list_resources()).resources
        assert [str(resource.uri) for resource in resources] == ["state://resume"], resources
        read = await client.read_resource(f"state://record/{finding}")
        assert "It swims." in read.contents[0].text, read
        prompts = (await client.list_prompts()).prompts
        assert sorted(prompt.name for prompt in prompts) == ["handoff", "resume"], prompts
        prompt = await client.get_prompt("handoff")
        assert "## Next" in prompt.messages[0].content.text, prompt


asyncio.run(main(sys.argv[1], sys.argv[2]))
