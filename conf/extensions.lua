-- The dialplan: what happens when somebody dials a number.
--
--   extensions[context][number] = function(context, number) ... end
--
-- A phone's context is in pjsip.conf. app.NAME(...) runs an application and returns when it has ended; the exchange
-- serves other calls meanwhile. channel.NAME:get() reads a variable or a function such as channel.CALLERID("num"),
-- channel.NAME = value sets one. A key that begins with _ is a pattern: X is a digit, Z 1-9, N 2-9, [13-5] one of a
-- set, "." the rest. The file is read again by:  obelisk console -C DIR -x "dialplan reload"
-- Calls that run by then keep the code they began with. What there is: "core show applications", "core show functions".

-- Who has which number. A new phone needs a line here and its sections in pjsip.conf.
local phones = {
   ["1001"] = "PJSIP/alice",
   ["1002"] = "PJSIP/bob",
}

-- Numbers and names as prompts are, one file each, joined by "&": "12" is digits/1&digits/2.
local function spell(digits)
   local files = {}
   for digit in digits:gmatch("%d") do
      files[#files + 1] = "digits/" .. digit
   end
   return table.concat(files, "&")
end

-- Call a phone for 30 seconds, and say why when nobody answered.
local function call(context, number)
   app.Verbose(2, channel.CALLERID("num"):get() .. " calls " .. number)
   app.Dial(phones[number], 30, "r")
   -- Here only when the call was not answered: after a talk the dialplan ends.
   local status = channel.DIALSTATUS:get()
   app.Answer()
   if status == "BUSY" then
      app.Playback("vm-extension&" .. spell(number) .. "&is-curntly-busy")
   else
      app.Playback("vm-extension&" .. spell(number) .. "&is-curntly-unavail")
   end
   app.Hangup()
end

-- 600: hear yourself. "#" ends it.
local function echo_test()
   app.Answer()
   app.Playback("demo-echotest")
   app.Echo()
   app.Playback("demo-echodone")
   app.Hangup()
end

-- 601: a prompt.
local function congratulations()
   app.Answer()
   app.Playback("demo-congrats")
   app.Hangup()
end

-- 602: a menu. A digit pressed while the prompt plays begins an extension of this context, here one of the phones'
-- numbers or of this menu; the exchange goes there as soon as the number is complete.
local function menu()
   app.Answer()
   app.BackGround("thank-you-for-calling&ext-or-zero")
   app.WaitExten(5)
end

-- 603: digits read into a variable, and said again.
local function read_digits()
   app.Answer()
   app.Read("DIGITS", "please-enter-your&vm-extension&followed-by-pound", 10, nil, 2, 5)
   local digits = channel.DIGITS:get()
   if digits == "" then
      app.Playback("im-sorry&invalid")
   else
      app.Playback("you-entered&" .. spell(digits))
   end
   app.Hangup()
end

-- 604: record a message and hear it. It ends by "#", by 3 seconds of silence or after a minute.
local function record()
   app.Answer()
   app.Playback("vm-intro")
   app.Record("recordings/%d.wav", 3, 60, "k")
   app.Playback(channel.RECORDED_FILE:get())
   app.Playback("vm-msgsaved&vm-goodbye")
   app.Hangup()
end

-- 605: a program takes the call over by ARI (see ari.conf), one that has registered as the application "hello".
local function program()
   app.Stasis("hello")
   if channel.STASISSTATUS:get() == "FAILED" then
      app.Answer()
      app.Playback("im-sorry&is-curntly-unavail")
   end
   app.Hangup()
end

-- What every phone may dial.
extensions = {
   internal = {
      ["600"] = echo_test,
      ["601"] = congratulations,
      ["602"] = menu,
      ["603"] = read_digits,
      ["604"] = record,
      ["605"] = program,

      -- "0" of the menu.
      ["0"] = function()
         app.Goto("internal", "1001", 1)
      end,

      -- A number nobody has. "i" gets it in INVALID_EXTEN.
      i = function()
         app.Log("NOTICE", "nobody has the number " .. channel.INVALID_EXTEN:get())
         app.Answer()
         app.Playback("pbx-invalid&check-number-dial-again")
         app.Hangup(1)
      end,

      -- Nothing entered in the menu.
      t = function()
         app.Playback("vm-goodbye")
         app.Hangup()
      end,

      -- Runs when a call has ended, however it did.
      h = function()
         app.Verbose(3, "ended with cause " .. channel.HANGUPCAUSE:get())
      end,
   },

   -- Calls from outside reach a phone and nothing else; this context does not include "internal" on purpose.
   ["from-carrier"] = {
      s = function(context)
         call(context, "1001")
      end,
   },
}

for number in pairs(phones) do
   extensions.internal[number] = call
end

-- Lamps: which device tells the state of which number.
hints = { internal = {} }
for number, device in pairs(phones) do
   hints.internal[number] = device
end
