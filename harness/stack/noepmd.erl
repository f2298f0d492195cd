%% Answers in the place of epmd, the port mapper that Erlang would otherwise start as a daemon which outlives everything.
%% There is one node on this machine and its distribution port is given on the command line: -erl_epmd_port PORT.
-module(noepmd).
-export([start_link/0, register_node/2, register_node/3, port_please/2, port_please/3, listen_port_please/2]).
-export([address_please/3, names/0, names/1, open/0, open/1, open/2]).

start_link() -> ignore.

register_node(Name, Port) -> register_node(Name, Port, inet).
register_node(_Name, _Port, _Family) -> {ok, 1}.

port_please(Name, Host) -> port_please(Name, Host, infinity).
%% 6: the version of the distribution protocol since OTP 23.
port_please(_Name, _Host, _Timeout) -> {port, port(), 6}.

listen_port_please(_Name, _Host) -> {ok, port()}.

address_please(_Name, _Host, inet) -> {ok, {127, 0, 0, 1}};
address_please(_Name, _Host, _Family) -> {error, nxdomain}.

names() -> {ok, []}.
names(_Host) -> {ok, []}.

open() -> {error, econnrefused}.
open(_Timeout) -> {error, econnrefused}.
open(_Address, _Timeout) -> {error, econnrefused}.

port() ->
    {ok, [[Port] | _]} = init:get_argument(erl_epmd_port),
    list_to_integer(Port).
