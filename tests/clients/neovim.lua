-- Runs in `nvim --headless -u NONE -l`-like mode: starts the server on a file and prints what a user would see.
-- Environment: IMGC_COMMAND (JSON argv), IMGC_FILE. Output: one JSON object on the last line.
local command = vim.fn.json_decode(vim.env.IMGC_COMMAND)
local file = vim.env.IMGC_FILE
local seen = {}

vim.cmd('edit ' .. vim.fn.fnameescape(file))
local buffer = vim.api.nvim_get_current_buf()
local client = vim.lsp.start_client({ name = 'imgc', cmd = command, root_dir = vim.fn.fnamemodify(file, ':h') })
vim.lsp.buf_attach_client(buffer, client)

local function wait(what, condition)
  if not vim.wait(15000, condition, 20) then error('timed out waiting for ' .. what) end
end

local function ask(method, params)
  local answer
  vim.lsp.buf_request(buffer, method, params, function(_, result) answer = { result = result } end)
  wait(method, function() return answer ~= nil end)
  return answer.result
end

local function place(line, character)
  return { textDocument = vim.lsp.util.make_text_document_params(), position = { line = line, character = character } }
end

wait('diagnostics', function() return #vim.diagnostic.get(buffer) > 0 end)
local first = vim.diagnostic.get(buffer)[1]
seen.diagnostic = { line = first.lnum, message = first.message, source = first.source }

seen.hover = ask('textDocument/hover', place(3, 6)).contents.value

local labels = {}
vim.api.nvim_buf_set_lines(buffer, 5, 5, false, { '    ap' })
local found = ask('textDocument/completion', place(5, 6))
for _, item in ipairs(found.items) do table.insert(labels, item.label) end
seen.completion = labels
vim.api.nvim_buf_set_lines(buffer, 5, 6, false, {})

local params = place(4, 6)
params.range = { start = params.position, ['end'] = params.position }
params.context = { diagnostics = {} }
local actions = ask('textDocument/codeAction', params)
vim.lsp.util.apply_workspace_edit(actions[1].edit, 'utf-16')
seen.fixed = vim.api.nvim_buf_get_lines(buffer, 4, 5, false)[1]
wait('no diagnostics', function() return #vim.diagnostic.get(buffer) == 0 end)

io.stdout:write(vim.fn.json_encode(seen) .. '\n')
vim.lsp.stop_client(client)
vim.cmd('qall!')
