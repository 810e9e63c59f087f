"""The fakes we ship: a scripted model behind real HTTP, and a sample repo with a real bug.

scenario.py the file format; strict.py what a real server would refuse; judge.py which answer a request
gets; wire.py OpenAI's JSON; scripted.py the server, media.py its pictures and speech; cli_scripted.py its
command; sample.py the repo; gitting.py git for such repos;
doubles.py a model and a door in memory; stage.py the command line on a sample repo;
cast.py what roles say in order; note.py the smallest whole thread; aftermath.py what a thread left behind.
"""
